//! From the bound plan to the graph the engine runs. One file a rule; each keeps the meaning.
//!
//! Not here: anything that needs names or spans of the script, which is `bind`.

use argus_plan::{JobGraph, JobSettings};

use crate::bind::plan::Plan;

/// The job graph of a bound plan.
pub(crate) fn rewrite(plan: Plan, settings: &JobSettings) -> JobGraph {
    JobGraph { settings: settings.clone(), nodes: plan.nodes }
}
