//! Sharing: nodes that do the same to the same inputs become one, so that sources and views are
//! read and computed once.

use std::collections::HashMap;

use argus_plan::{JobGraph, NodeId, Operator};

use super::shape::compact;

/// Shares wherever it can. Sinks and results are ends of their own.
pub(super) fn apply(graph: &mut JobGraph) {
    let mut kept: HashMap<NodeId, NodeId> = HashMap::new();
    for id in graph.ids() {
        for edge in &mut graph.nodes[id.0].inputs {
            if let Some(same) = kept.get(&edge.from) {
                edge.from = *same;
            }
        }
        let node = graph.node(id);
        let is_end = matches!(node.operator, Operator::Sink(_) | Operator::Collect);
        let equal = |other: &NodeId| {
            let other = graph.node(*other);
            other.operator == node.operator
                && other.inputs == node.inputs
                && other
                    .output
                    .iter()
                    .map(|field| &field.logical_type)
                    .eq(node.output.iter().map(|field| &field.logical_type))
        };
        if !is_end && let Some(same) = (0..id.0).map(NodeId).find(equal) {
            kept.insert(id, same);
        }
    }
    compact(graph);
}
