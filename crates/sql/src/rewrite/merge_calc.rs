//! Merging: a Calc over a Calc becomes one Calc over the lower one's input.
//!
//! Not where that would compute something more than once: a lower Calc with several users stays,
//! so that a view is computed once, unless it only passes columns on.

use argus_plan::graph::Calc;
use argus_plan::{Expression, ExpressionKind, JobGraph, Operator};

use super::shape::{calc_at, compact, compose, forward, input_of, user_counts};

/// Merges wherever it can.
pub(super) fn apply(graph: &mut JobGraph) {
    let counts = user_counts(graph);
    // Inputs come first, so a chain of Calcs collapses in one pass.
    for id in graph.ids() {
        let Some(upper) = calc_at(graph, id) else { continue };
        let below = input_of(graph, id);
        let Some(lower) = calc_at(graph, below) else { continue };
        let is_free = lower.filter.is_none() && lower.projection.iter().all(is_cheap);
        let is_merged = is_free || (counts[below.0] == 1 && computes_once(upper, lower));
        if !is_merged {
            continue;
        }
        let merged = compose(upper, lower);
        let from = input_of(graph, below);
        graph.nodes[id.0].operator = Operator::Calc(merged);
        graph.nodes[id.0].inputs = vec![forward(from)];
    }
    compact(graph);
}

/// Whether computing it twice costs next to nothing.
fn is_cheap(expression: &Expression) -> bool {
    match &expression.kind {
        ExpressionKind::Column(_) | ExpressionKind::Literal(_) => true,
        ExpressionKind::Field { input, .. } => is_cheap(input),
        _ => false,
    }
}

/// Whether the upper Calc reads nothing costly of the lower one more than once.
fn computes_once(upper: &Calc, lower: &Calc) -> bool {
    let mut n_reads = vec![0; lower.projection.len()];
    for expression in upper.projection.iter().chain(&upper.filter) {
        expression.visit_columns(&mut |index| n_reads[index] += 1);
    }
    let costly = lower.projection.iter().zip(n_reads).filter(|(read, _)| !is_cheap(read));
    costly.into_iter().all(|(_, n_reads)| n_reads <= 1)
}
