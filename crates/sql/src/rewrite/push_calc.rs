//! Calc pushdown: a Calc over a union is computed in every input instead, where it can merge with
//! what is there; a union of unions is one union.

use argus_plan::graph::Edge;
use argus_plan::{JobGraph, NodeId, Operator};

use super::shape::{add, compact, forward, input_of, user_counts};

/// Pushes wherever it can and flattens; says whether it found something to push. Each push
/// brings a Calc below a union, so that pushing and merging in turn come to an end.
pub(super) fn apply(graph: &mut JobGraph) -> bool {
    let mut has_pushed = false;
    let counts = user_counts(graph);
    let ids: Vec<NodeId> = graph.ids().collect();
    for id in ids.into_iter().rev() {
        let Operator::Calc(calc) = &graph.node(id).operator else { continue };
        let union = input_of(graph, id);
        if !matches!(graph.node(union).operator, Operator::Union) || counts[union.0] != 1 {
            continue;
        }
        let (calc, output) = (calc.clone(), graph.node(id).output.clone());
        let inputs: Vec<NodeId> = graph.node(union).inputs.iter().map(|edge| edge.from).collect();
        let inputs = inputs.into_iter().map(|from| {
            forward(add(graph, Operator::Calc(calc.clone()), &[from], (output.clone(), id)))
        });
        let inputs: Vec<Edge> = inputs.collect();
        has_pushed = true;
        graph.nodes[id.0].operator = Operator::Union;
        graph.nodes[id.0].inputs = inputs;
        graph.nodes[id.0].id = graph.node(union).id;
    }
    compact(graph);
    flatten(graph);
    has_pushed
}

/// Takes the inputs of a union that only another union reads.
fn flatten(graph: &mut JobGraph) {
    let counts = user_counts(graph);
    for id in graph.ids() {
        if !matches!(graph.node(id).operator, Operator::Union) {
            continue;
        }
        let mut inputs = Vec::new();
        for edge in graph.node(id).inputs.clone() {
            let below = graph.node(edge.from);
            match below.operator {
                Operator::Union if counts[edge.from.0] == 1 => {
                    inputs.extend(below.inputs.iter().cloned());
                }
                _ => inputs.push(edge),
            }
        }
        graph.nodes[id.0].inputs = inputs;
    }
    compact(graph);
}
