//! Identities: a fingerprint of what each operator does and of the rows it does it to, taken of
//! the bound plan before rewrites. They find an operator's state when a job starts again, so what
//! is hashed here never changes; `tests/operator_ids` pins some.
//!
//! | operator | identity |
//! |---|---|
//! | source | connector, name of the table |
//! | aggregation | window and its clock if it has one, keys, the rows below |
//! | sink | name of the table |
//! | others, which have no state | the rows, the columns |
//!
//! Equal ones are told apart by their turn in the script. Aggregations do not see their aggregates,
//! each of which has a name for its own state instead: adding one keeps the others.

use std::collections::{HashMap, HashSet};

use argus_base::connector::TableDescriptor;
use argus_base::id::OperatorId;
use argus_plan::fingerprint::{Fingerprints, fingerprint, stored_type};
use argus_plan::graph::{SourceOperator, WindowAggregate, WindowProperty, WindowSource};
use argus_plan::{
    AggregateCall, AggregateFunction, JobGraph, Literal, Node, NodeId, Operator, WindowKind, text,
};

use super::lineage::{Lineage, shortened, window_text};

/// Gives every node its identity, and every aggregate the name of its state.
pub(super) fn assign(graph: &mut JobGraph) {
    let mut fingerprints = Fingerprints::default();
    let mut lineages: Vec<Lineage> = Vec::new();
    for id in graph.ids() {
        name_states(graph, id, &lineages);
        let (canonical, rows, lineage) = describe(graph.node(id), &lineages);
        let rows: Vec<OperatorId> = rows.into_iter().collect();
        graph.nodes[id.0].id = fingerprints.id(&canonical, &rows);
        lineages.push(lineage);
    }
}

/// Gives aggregations whose windows stay in columns an identity of their own: their state is by
/// window, that of others by slice.
pub(super) fn tell_attached(graph: &mut JobGraph) {
    for node in &mut graph.nodes {
        if let Operator::WindowAggregate(aggregate) = &node.operator
            && let WindowSource::Attached { window, .. } = &aggregate.window
            && !matches!(window.kind, WindowKind::Tumble { .. })
        {
            node.id = fingerprint("attached ", &[node.id]);
        }
    }
}

/// The first of two steps; its identity follows from the whole aggregation's, which the second
/// step keeps.
pub(super) fn local(whole: OperatorId) -> OperatorId {
    fingerprint("local ", &[whole])
}

/// Gives nodes that rewrites made out of others identities of their own. Operators with state
/// keep theirs.
pub(super) fn make_unique(graph: &mut JobGraph) {
    let is_new = |operator: &Operator| {
        matches!(
            operator,
            Operator::Calc(_)
                | Operator::Union
                | Operator::WindowTable(_)
                | Operator::DropUpdateBefore
        )
    };
    let kept = graph.nodes.iter().filter(|node| !is_new(&node.operator));
    let mut seen: HashSet<OperatorId> = kept.map(|node| node.id).collect();
    for node in graph.nodes.iter_mut().filter(|node| is_new(&node.operator)) {
        let (original, mut ordinal) = (node.id, 1_u64);
        while !seen.insert(node.id) {
            node.id = fingerprint(&format!("made of another, {ordinal}"), &[original]);
            ordinal += 1;
        }
    }
}

/// What a node does, to which rows, and what its users see of it.
fn describe(node: &Node, lineages: &[Lineage]) -> (String, Option<OperatorId>, Lineage) {
    let mut inputs = node.inputs.iter().map(|edge| &lineages[edge.from.0]);
    let stateless = |what: &str, lineage: Lineage| {
        (format!("{what} {}", lineage.columns()), Some(lineage.rows()), lineage)
    };
    match (&node.operator, inputs.clone().next()) {
        (Operator::Source(source), _) => {
            let canonical = format!("source {} {}", connector(&source.table), source.table.name);
            let lineage = Lineage::new(fingerprint(&canonical, &[]), source_columns(source));
            (canonical, None, lineage)
        }
        (Operator::Values(rows), _) => {
            let canonical = format!("values {}", values_text(rows, node));
            let columns = (0..node.output.len()).map(|index| format!("value {index}"));
            let lineage = Lineage::new(fingerprint(&canonical, &[]), columns);
            (canonical, None, lineage)
        }
        (Operator::Calc(calc), Some(below)) => stateless("calc", below.calculated(calc)),
        (Operator::WindowTable(window), Some(below)) => stateless("window", below.windowed(window)),
        (Operator::Union, _) => stateless("union", Lineage::union(inputs.by_ref())),
        (
            Operator::WindowAggregate(aggregate)
            | Operator::LocalWindowAggregate(aggregate)
            | Operator::GlobalWindowAggregate(aggregate),
            Some(below),
        ) => {
            let canonical = aggregate_text(aggregate, node, below);
            let rows = below.rows();
            let columns = aggregate_columns(aggregate, below);
            let lineage = Lineage::new(fingerprint(&canonical, &[rows]), columns.into_iter());
            (canonical, Some(rows), lineage)
        }
        (Operator::GroupAggregate(aggregate), Some(below)) => {
            let canonical =
                format!("group aggregate by {}", keys_text(&aggregate.keys, node, below));
            let rows = below.rows();
            let keys = aggregate.keys.iter().map(|&key| below.column(key));
            let calls = aggregate.aggregates.iter().map(|call| call.state_name.clone());
            let lineage = Lineage::new(fingerprint(&canonical, &[rows]), keys.chain(calls));
            (canonical, Some(rows), lineage)
        }
        (Operator::Sink(sink), _) => {
            let canonical = format!("sink {}", sink.table.name);
            (canonical, None, Lineage::new(OperatorId(0), std::iter::empty()))
        }
        (operator, _) => {
            debug_assert!(matches!(operator, Operator::Collect), "every other node has an input");
            let nothing = Lineage::new(OperatorId(0), std::iter::empty());
            ("collect".to_owned(), None, nothing)
        }
    }
}

fn connector(table: &TableDescriptor) -> &str {
    table.options.get("connector").map_or("", String::as_str)
}

/// Physical columns by name, metadata columns by key, computed ones by what they compute.
fn source_columns(source: &SourceOperator) -> impl Iterator<Item = String> {
    let physical = source.table.physical.iter().map(|field| format!("`{}`", field.name));
    let metadata = source.table.metadata.iter().map(|column| format!("metadata `{}`", column.key));
    let produced: Vec<String> = physical.chain(metadata).collect();
    let expressions = source.projection.iter();
    expressions.map(move |expression| text::expression(expression, &|i| produced[i].clone()))
}

fn values_text(rows: &[Vec<Literal>], node: &Node) -> String {
    let row = |row: &Vec<Literal>| {
        let values = row.iter().zip(&node.output);
        let values = values.map(|(value, field)| text::literal(value, &field.logical_type));
        format!("({})", values.collect::<Vec<String>>().join(", "))
    };
    rows.iter().map(row).collect::<Vec<String>>().join(", ")
}

fn aggregate_text(aggregate: &WindowAggregate, node: &Node, below: &Lineage) -> String {
    let window = window_text(aggregate.window.window());
    format!("window aggregate {window} by {}", keys_text(&aggregate.keys, node, below))
}

/// Keys are part of the identity with their types: state is laid out by them.
fn keys_text(keys: &[usize], node: &Node, below: &Lineage) -> String {
    let keys = keys.iter().zip(&node.output);
    let keys = keys
        .map(|(key, field)| format!("{} {}", below.column(*key), stored_type(&field.logical_type)));
    keys.collect::<Vec<String>>().join(", ")
}

fn aggregate_columns(aggregate: &WindowAggregate, below: &Lineage) -> Vec<String> {
    let window = text::window(aggregate.window.window());
    let keys = aggregate.keys.iter().map(|&key| below.column(key));
    let calls = aggregate.aggregates.iter().map(|call| call.state_name.clone());
    let bounds = aggregate.properties.iter().map(|property| {
        let bound = match property {
            WindowProperty::Start => "start",
            WindowProperty::End => "end",
            WindowProperty::Time => "time",
        };
        format!("{bound} of {window}")
    });
    keys.chain(calls).chain(bounds).collect()
}

/// Names the states of an aggregation's aggregates.
fn name_states(graph: &mut JobGraph, id: NodeId, lineages: &[Lineage]) {
    let Some(calls) = calls_of(&mut graph.nodes[id.0].operator) else { return };
    let mut calls = calls.to_vec();
    let from = graph.node(id).inputs[0].from;
    let mut turns: HashMap<String, usize> = HashMap::new();
    for call in &mut calls {
        let name = state_name(call, graph.node(from), &lineages[from.0]);
        let turn = turns.entry(name.clone()).or_insert(0);
        *turn += 1;
        call.state_name = if *turn == 1 { name } else { format!("{name} #{turn}") };
    }
    if let Some(named) = calls_of(&mut graph.nodes[id.0].operator) {
        named.clone_from_slice(&calls);
    }
}

fn calls_of(operator: &mut Operator) -> Option<&mut [AggregateCall]> {
    match operator {
        Operator::WindowAggregate(aggregate) => Some(&mut aggregate.aggregates),
        Operator::GroupAggregate(aggregate) => Some(&mut aggregate.aggregates),
        _ => None,
    }
}

/// ``SUM(DISTINCT `price` INT) FILTER (WHERE (`n` > 1))``
fn state_name(call: &AggregateCall, input: &Node, below: &Lineage) -> String {
    let function = match call.function {
        AggregateFunction::CountStar => "COUNT",
        other => other.name(),
    };
    let distinct = if call.is_distinct { "DISTINCT " } else { "" };
    let argument = call.argument.map_or_else(
        || "*".to_owned(),
        |index| {
            let logical_type = &input.output[index].logical_type;
            format!("{} {}", below.column(index), stored_type(logical_type))
        },
    );
    let filter = call.filter.map(|index| format!(" FILTER (WHERE {})", below.column(index)));
    shortened(format!("{function}({distinct}{argument}){}", filter.unwrap_or_default()))
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
