//! Changelog inference: which row kinds each operator's output carries, from the sources down.

use argus_plan::graph::ChangelogMode;
use argus_plan::{JobGraph, Operator};

/// Infers the mode of every node. Inputs come before users.
pub(super) fn apply(graph: &mut JobGraph) {
    for id in graph.ids() {
        let inputs: Vec<ChangelogMode> =
            graph.node(id).inputs.iter().map(|edge| graph.node(edge.from).changelog).collect();
        graph.nodes[id.0].changelog = infer(&graph.node(id).operator, &inputs);
    }
}

fn infer(operator: &Operator, inputs: &[ChangelogMode]) -> ChangelogMode {
    match operator {
        // No source reads changes yet.
        Operator::Source(_) | Operator::Values(_) => ChangelogMode::Append,
        // A window's result leaves once, when it is complete.
        Operator::WindowAggregate(_)
        | Operator::LocalWindowAggregate(_)
        | Operator::GlobalWindowAggregate(_) => ChangelogMode::Append,
        Operator::Calc(_)
        | Operator::Union
        | Operator::WindowTable(_)
        | Operator::Sink(_)
        | Operator::Collect => widest(inputs),
    }
}

/// The mode that holds every row kind of the inputs.
fn widest(inputs: &[ChangelogMode]) -> ChangelogMode {
    let has = |mode: ChangelogMode| inputs.contains(&mode);
    if has(ChangelogMode::Retract) {
        return ChangelogMode::Retract;
    }
    if has(ChangelogMode::Upsert) { ChangelogMode::Upsert } else { ChangelogMode::Append }
}
