//! From the bound plan to the graph the engine runs. One file a rule; each keeps the meaning.
//!
//! Not here: anything that needs names or spans of the script, which is `bind`.
//!
//! | file | rule |
//! |---|---|
//! | `identity`, `lineage` | fingerprints, taken of the bound plan before anything is changed |
//! | `push_filter` | conditions move down, as far as just above the source |
//! | `push_calc` | a Calc over a union is computed in its inputs |
//! | `merge_calc` | a Calc over a Calc is one Calc |
//! | `assign_window` | an aggregation over a window TVF assigns the windows itself |
//! | `fold` | casts of constants are carried out |
//! | `prune` | columns and nested fields that nobody reads are not produced |
//! | `share` | equal nodes are one |
//! | `closing` | sources learn which windows judge the lateness of their rows |
//! | `two_phase` | windows aggregate before the exchange as well |
//! | `exchange` | parallelism, and how rows go from one operator to the next |
//! | `changelog` | which row kinds an operator's output carries |

mod assign_window;
pub(crate) mod changelog;
mod closing;
mod exchange;
mod fold;
mod identity;
mod lineage;
mod merge_calc;
mod path;
mod prune;
mod push_calc;
mod push_filter;
mod shape;
mod share;
mod two_phase;

use argus_plan::{JobGraph, JobSettings};

use crate::bind::plan::Plan;

/// The job graph of a bound plan.
pub(crate) fn rewrite(plan: Plan, settings: &JobSettings) -> JobGraph {
    let mut graph = JobGraph { settings: settings.clone(), nodes: plan.nodes };
    identity::assign(&mut graph);
    push_filter::apply(&mut graph);
    merge_calc::apply(&mut graph);
    while push_calc::apply(&mut graph) {
        merge_calc::apply(&mut graph);
    }
    assign_window::apply(&mut graph);
    identity::tell_attached(&mut graph);
    fold::apply(&mut graph);
    merge_calc::apply(&mut graph);
    prune::apply(&mut graph);
    merge_calc::apply(&mut graph);
    share::apply(&mut graph);
    closing::apply(&mut graph);
    two_phase::apply(&mut graph);
    exchange::apply(&mut graph);
    changelog::apply(&mut graph);
    identity::make_unique(&mut graph);
    graph
}
