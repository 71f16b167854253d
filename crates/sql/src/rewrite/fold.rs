//! Constant folding: casts of constants are carried out where that is plain and exact; everything
//! else is evaluated by the engine.

use argus_plan::{Expression, ExpressionKind, JobGraph, Operator};

use crate::bind::cast::convert;

/// Folds every expression of the graph.
pub(super) fn apply(graph: &mut JobGraph) {
    for node in &mut graph.nodes {
        match &mut node.operator {
            Operator::Calc(calc) => {
                calc.projection.iter_mut().chain(&mut calc.filter).for_each(fold);
            }
            Operator::Source(source) => {
                source.projection.iter_mut().for_each(fold);
                source.watermark.iter_mut().for_each(|watermark| fold(&mut watermark.expression));
            }
            _ => {}
        }
    }
}

fn fold(expression: &mut Expression) {
    expression.children_mut().into_iter().for_each(fold);
    let ExpressionKind::Cast { input, is_try: false } = &expression.kind else { return };
    let Some(literal) = input.as_literal() else { return };
    if let Some(folded) = convert(literal, &input.logical_type.root, &expression.logical_type.root)
    {
        expression.kind = ExpressionKind::Literal(folded);
    }
}
