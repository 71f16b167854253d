//! Changelog inference: which row kinds each operator's output carries.
//!
//! Which operators update rows they have emitted is seen from the sources down; whether users need
//! the old form of such a row (−U) from the ends up. Whoever knows rows by a key that the updates
//! keep needs only the new form. As Flink's `FlinkChangelogModeInferenceProgram`.

use std::collections::BTreeSet;

use argus_base::LogicalType;
use argus_base::connector::SinkMode;
use argus_plan::graph::{Calc, ChangelogMode, Partitioning, SinkOperator};
use argus_plan::{Expression, ExpressionKind, JobGraph, Node, NodeId, Operator};

use super::shape::{add, compact};

/// Most keys that are followed through an operator.
const MAX_KEYS: usize = 16;

/// Infers the mode of every node. Inputs come before users.
pub(super) fn apply(graph: &mut JobGraph) {
    let updating = updating(&graph.nodes);
    let mut needs_before = vec![false; graph.nodes.len()];
    for id in graph.ids().collect::<Vec<NodeId>>().into_iter().rev() {
        for edge in &graph.node(id).inputs {
            let by_users = needs_before[id.0];
            needs_before[edge.from.0] |=
                updating[edge.from.0] && needs_before_from(graph, id, edge.from, by_users);
        }
    }
    for id in graph.ids() {
        graph.nodes[id.0].changelog = match (updating[id.0], needs_before[id.0]) {
            (false, _) => ChangelogMode::Append,
            (true, false) => ChangelogMode::Upsert,
            (true, true) => ChangelogMode::Retract,
        };
    }
    drop_before(graph, &needs_before);
    for id in graph.ids() {
        let node = graph.node(id);
        if matches!(node.operator, Operator::Sink(_) | Operator::Collect) {
            graph.nodes[id.0].changelog = graph.node(node.inputs[0].from).changelog;
        }
    }
}

/// Whether rows that a node has emitted change, by node. Inputs come before users.
pub(crate) fn updating(nodes: &[Node]) -> Vec<bool> {
    let mut updating = Vec::with_capacity(nodes.len());
    for node in nodes {
        updating.push(match node.operator {
            // No source reads changes yet.
            Operator::Source(_) | Operator::Values(_) => false,
            // A window's result leaves once, when it is complete.
            Operator::WindowAggregate(_)
            | Operator::LocalWindowAggregate(_)
            | Operator::GlobalWindowAggregate(_) => false,
            Operator::GroupAggregate(_) => true,
            Operator::Calc(_)
            | Operator::Union
            | Operator::WindowTable(_)
            | Operator::DropUpdateBefore
            | Operator::Sink(_)
            | Operator::Collect => node.inputs.iter().any(|edge| updating[edge.from.0]),
        });
    }
    updating
}

/// The keys by which the updates of a node are known: of two rows with the same values in such
/// columns the later replaces the earlier.
pub(crate) fn upsert_keys(nodes: &[Node], id: NodeId) -> Vec<BTreeSet<usize>> {
    let node = &nodes[id.0];
    let below = || node.inputs.first().map(|edge| upsert_keys(nodes, edge.from));
    match &node.operator {
        Operator::GroupAggregate(aggregate) => vec![(0..aggregate.keys.len()).collect()],
        Operator::Calc(calc) => {
            let keys = below().unwrap_or_default();
            let keys = keys.iter().flat_map(|key| projected_keys(key, calc));
            keys.take(MAX_KEYS).collect()
        }
        Operator::DropUpdateBefore => below().unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Where a Calc passes the columns of a key on: each way to put the key together.
fn projected_keys(key: &BTreeSet<usize>, calc: &Calc) -> Vec<BTreeSet<usize>> {
    let mut keys = vec![BTreeSet::new()];
    for &column in key {
        let places = 0..calc.projection.len();
        let places = places.filter(|&place| passes(&calc.projection[place], column));
        let places: Vec<usize> = places.collect();
        let with_each = |key: &BTreeSet<usize>| {
            let with = |&place: &usize| key.iter().copied().chain([place]).collect();
            places.iter().map(with).collect::<Vec<BTreeSet<usize>>>()
        };
        keys = keys.iter().flat_map(with_each).take(MAX_KEYS).collect();
    }
    keys
}

/// Whether an expression is that column, or the column in another type with the same values.
fn passes(expression: &Expression, column: usize) -> bool {
    match &expression.kind {
        ExpressionKind::Cast { input, is_try: false } => {
            keeps_values(&input.logical_type, &expression.logical_type) && passes(input, column)
        }
        _ => expression.is_column(column),
    }
}

/// Whether INSERT's casts between the types keep values apart. Texts count as kept, as in Flink.
fn keeps_values(from: &LogicalType, to: &LogicalType) -> bool {
    let (from, to) = (&from.root.materialized(), &to.root.materialized());
    let is_widened = argus_plan::function::implicit_cast_allowed(
        &from.clone().nullable(),
        &to.clone().nullable(),
    );
    from == to
        || (from.is_character() && to.is_character())
        || (from.is_binary() && to.is_binary())
        || (from.is_integer() && to.is_integer() && is_widened)
}

/// Whether a user needs −U of the updates of one of its inputs, given whether its own users do.
fn needs_before_from(graph: &JobGraph, user: NodeId, from: NodeId, by_users: bool) -> bool {
    match &graph.node(user).operator {
        Operator::Sink(sink) => sink_needs_before(&graph.nodes, sink, from),
        Operator::Calc(calc) => by_users || !is_by_key(&graph.nodes, calc, from),
        Operator::Union => by_users,
        _ => true,
    }
}

/// Whether a sink needs −U of the updates that reach it.
fn sink_needs_before(nodes: &[Node], sink: &SinkOperator, from: NodeId) -> bool {
    let key: BTreeSet<usize> = sink.table.primary_key.iter().copied().collect();
    sink.mode != SinkMode::UpsertByKey
        || !upsert_keys(nodes, from).contains(&key)
        || takes_back(nodes, from)
}

/// Whether a condition takes rows back that no longer pass: their −U comes without +U.
fn takes_back(nodes: &[Node], at: NodeId) -> bool {
    let Operator::Calc(calc) = &nodes[at.0].operator else { return false };
    let from = nodes[at.0].inputs[0].from;
    !is_by_key(nodes, calc, from) || takes_back(nodes, from)
}

/// Whether the condition looks at nothing but a key of the updates.
fn is_by_key(nodes: &[Node], calc: &Calc, from: NodeId) -> bool {
    let Some(filter) = &calc.filter else { return true };
    let keys = upsert_keys(nodes, from);
    let is_in = |key: &BTreeSet<usize>| {
        let mut is_in = true;
        filter.visit_columns(&mut |index| is_in &= key.contains(&index));
        is_in
    };
    keys.iter().any(is_in)
}

/// Takes −U away for users that do not need it, where others do.
fn drop_before(graph: &mut JobGraph, needs_before: &[bool]) {
    let mut dropped: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
    for id in graph.ids() {
        for index in 0..graph.node(id).inputs.len() {
            let from = graph.node(id).inputs[index].from;
            let has_before = graph.node(from).changelog == ChangelogMode::Retract;
            if !has_before || needs_before_from(graph, id, from, needs_before[id.0]) {
                continue;
            }
            let node = dropped[from.0].unwrap_or_else(|| add_drop(graph, from));
            dropped[from.0] = Some(node);
            graph.nodes[id.0].inputs[index].from = node;
        }
    }
    compact(graph);
}

fn add_drop(graph: &mut JobGraph, from: NodeId) -> NodeId {
    let (output, parallelism) = (graph.node(from).output.clone(), graph.node(from).parallelism);
    let node = add(graph, Operator::DropUpdateBefore, &[from], (output, from));
    graph.nodes[node.0].inputs[0].partitioning = Partitioning::Forward;
    graph.nodes[node.0].parallelism = parallelism;
    graph.nodes[node.0].changelog = ChangelogMode::Upsert;
    node
}
