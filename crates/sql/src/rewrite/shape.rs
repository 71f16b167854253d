//! Working on a graph: following edges, taking nodes out, putting nodes in order.

use std::collections::HashMap;

use argus_base::Field;
use argus_plan::graph::{Calc, ChangelogMode, Edge, Partitioning};
use argus_plan::{AggregateCall, Expression, ExpressionKind, JobGraph, Node, NodeId, Operator};

/// The only input of a node that has one.
pub(super) fn input_of(graph: &JobGraph, id: NodeId) -> NodeId {
    graph.node(id).inputs[0].from
}

/// How many users each node has.
pub(super) fn user_counts(graph: &JobGraph) -> Vec<usize> {
    let mut counts = vec![0; graph.nodes.len()];
    for edge in graph.nodes.iter().flat_map(|node| &node.inputs) {
        counts[edge.from.0] += 1;
    }
    counts
}

/// The Calc at a node, if it is one.
pub(super) fn calc_at(graph: &JobGraph, id: NodeId) -> Option<&Calc> {
    match &graph.node(id).operator {
        Operator::Calc(calc) => Some(calc),
        _ => None,
    }
}

/// A forward edge.
pub(super) fn forward(from: NodeId) -> Edge {
    Edge { from, partitioning: Partitioning::Forward }
}

/// Adds a node behind all others, with the identity of `like`; [`compact`] puts it in order.
pub(super) fn add(
    graph: &mut JobGraph,
    operator: Operator,
    inputs: &[NodeId],
    (output, like): (Vec<Field>, NodeId),
) -> NodeId {
    graph.nodes.push(Node {
        operator,
        inputs: inputs.iter().map(|&from| forward(from)).collect(),
        output,
        id: graph.node(like).id,
        parallelism: 1,
        changelog: ChangelogMode::Append,
    });
    NodeId(graph.nodes.len() - 1)
}

/// The upper Calc directly over the lower one's input.
pub(super) fn compose(upper: &Calc, lower: &Calc) -> Calc {
    let over = |expression: &Expression| {
        let mut expression = expression.clone();
        expression.substitute(&lower.projection);
        expression
    };
    let filters = [lower.filter.clone(), upper.filter.as_ref().map(over)];
    let filter = filters.into_iter().flatten().reduce(and);
    // A column keeps the type the upper Calc knows it by: a time attribute may have become plain.
    let projection = upper.projection.iter().map(|expression| {
        let mut composed = over(expression);
        composed.logical_type = expression.logical_type.clone();
        composed
    });
    Calc { filter, projection: projection.collect() }
}

/// The conjunction of two conditions.
pub(super) fn and(left: Expression, right: Expression) -> Expression {
    crate::bind::conditional::all(vec![left, right], argus_plan::Span::default())
}

/// The parts of a conjunction.
pub(super) fn conjuncts(condition: Expression) -> Vec<Expression> {
    match condition.kind {
        ExpressionKind::And(operands) => operands,
        _ => vec![condition],
    }
}

/// Reads the input columns of keys and aggregates elsewhere.
pub(super) fn map_aggregate_columns(
    keys: &mut [usize],
    aggregates: &mut [AggregateCall],
    place: &impl Fn(usize) -> usize,
) {
    for key in keys {
        *key = place(*key);
    }
    for call in aggregates {
        call.argument = call.argument.map(place);
        call.filter = call.filter.map(place);
    }
}

/// Leaves out nodes that no sink or result needs and puts inputs before users. Nodes keep their
/// order as far as that allows.
pub(super) fn compact(graph: &mut JobGraph) {
    let mut places: HashMap<NodeId, NodeId> = HashMap::new();
    let mut order: Vec<NodeId> = Vec::new();
    for id in graph.ids() {
        if matches!(graph.node(id).operator, Operator::Sink(_) | Operator::Collect) {
            visit(graph, id, &mut places, &mut order);
        }
    }
    let mut old: Vec<Option<Node>> = graph.nodes.drain(..).map(Some).collect();
    for id in order {
        let mut node = old[id.0].take().expect("each node is visited once");
        for edge in &mut node.inputs {
            edge.from = places[&edge.from];
        }
        graph.nodes.push(node);
    }
}

fn visit(
    graph: &JobGraph,
    id: NodeId,
    places: &mut HashMap<NodeId, NodeId>,
    order: &mut Vec<NodeId>,
) {
    if places.contains_key(&id) {
        return;
    }
    for edge in &graph.node(id).inputs {
        visit(graph, edge.from, places, order);
    }
    places.insert(id, NodeId(order.len()));
    order.push(id);
}
