//! Filter pushdown: a condition is checked as early as it can be, at best just above the source.
//!
//! It never moves into the source, whose watermark follows every row, and never below a node that
//! others read too. Below a UNION ALL it is checked in every input; below a window TVF if it does
//! not read the window; below an aggregation if it reads nothing but keys. A condition that can
//! fail, or that is not the same each time, stays where it was written.

use argus_plan::graph::Calc;
use argus_plan::{Expression, JobGraph, NodeId, Operator};

use super::shape::{add, and, compact, conjuncts, forward, input_of, user_counts};

/// Moves conditions down wherever it can. Users come before inputs, so that a condition falls as
/// far as it can in one pass.
pub(super) fn apply(graph: &mut JobGraph) {
    let ids: Vec<NodeId> = graph.ids().collect();
    for id in ids.into_iter().rev() {
        push_from(graph, id);
    }
    compact(graph);
}

/// Moves the conditions of the Calc at `id`, if it is one, below its input.
fn push_from(graph: &mut JobGraph, id: NodeId) {
    let Operator::Calc(calc) = &graph.node(id).operator else { return };
    let Some(filter) = calc.filter.clone() else { return };
    let below = input_of(graph, id);
    if user_counts(graph)[below.0] != 1 {
        return;
    }
    let (moved, kept): (Vec<Expression>, Vec<Expression>) =
        conjuncts(filter).into_iter().partition(|condition| may_move(graph, below, condition));
    let Some(moved) = moved.into_iter().reduce(and) else { return };
    if let Operator::Calc(calc) = &mut graph.nodes[id.0].operator {
        calc.filter = kept.into_iter().reduce(and);
    }
    for index in 0..graph.node(below).inputs.len() {
        let from = graph.node(below).inputs[index].from;
        let condition = over_input(graph, below, &moved);
        let filter = add_filter(graph, from, condition);
        graph.nodes[below.0].inputs[index] = forward(filter);
        push_from(graph, filter);
    }
}

/// Whether a condition on a node's output can be checked on its inputs.
fn may_move(graph: &JobGraph, node: NodeId, condition: &Expression) -> bool {
    let n_movable = match &graph.node(node).operator {
        Operator::Union => graph.node(node).output.len(),
        Operator::WindowTable(_) => graph.node(input_of(graph, node)).output.len(),
        Operator::WindowAggregate(aggregate) => aggregate.keys.len(),
        Operator::GroupAggregate(aggregate) => aggregate.keys.len(),
        _ => return false,
    };
    let mut reads_movable = true;
    condition.visit_columns(&mut |index| reads_movable &= index < n_movable);
    reads_movable && condition.is_deterministic() && !can_fail(condition)
}

/// Whether it could stop the job on a row that would never have reached it.
fn can_fail(expression: &Expression) -> bool {
    use argus_plan::ExpressionKind;
    let own = match &expression.kind {
        ExpressionKind::Call { function, .. } => function.spec().is_fallible,
        ExpressionKind::Cast { input, is_try } => {
            let widens = argus_plan::function::implicit_cast_allowed(
                &input.logical_type,
                &expression.logical_type,
            );
            !is_try && !widens
        }
        _ => false,
    };
    own || expression.children().into_iter().any(can_fail)
}

/// The condition over the node's inputs.
fn over_input(graph: &JobGraph, node: NodeId, condition: &Expression) -> Expression {
    let mut condition = condition.clone();
    let keys = match &graph.node(node).operator {
        Operator::WindowAggregate(aggregate) => &aggregate.keys,
        Operator::GroupAggregate(aggregate) => &aggregate.keys,
        _ => return condition,
    };
    condition.map_columns(&|index| argus_plan::ExpressionKind::Column(keys[index]));
    condition
}

/// A Calc that passes everything on for which the condition holds.
fn add_filter(graph: &mut JobGraph, from: NodeId, condition: Expression) -> NodeId {
    let output = graph.node(from).output.clone();
    let columns = output.iter().enumerate();
    let projection =
        columns.map(|(index, field)| Expression::column(index, field.logical_type.clone()));
    let calc = Calc { filter: Some(condition), projection: projection.collect() };
    add(graph, Operator::Calc(calc), &[from], (output, from))
}
