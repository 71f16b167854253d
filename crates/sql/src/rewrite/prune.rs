//! Pruning: columns and nested fields that nobody reads are not produced, from the ends of the
//! graph down to the decoders of its sources.
//!
//! First what is read is collected, users before inputs; then every node is rewritten, inputs
//! before users, over the new layout of its input. A field that is read without the ROW around it
//! becomes a column of its own at the source.

mod source;

use argus_base::{Field, TypeRoot};
use argus_plan::graph::{Calc, WindowAggregate, WindowSource};
use argus_plan::window::WindowTime;
use argus_plan::{
    AggregateCall, Expression, ExpressionKind, JobGraph, Literal, NodeId, Operator, Window,
};

use super::path::{Need, Path, path_of, relocate};
use super::shape::{add, compact, forward, input_of, map_aggregate_columns};

/// Prunes the whole graph.
pub(super) fn apply(graph: &mut JobGraph) {
    let mut needs = vec![Need::default(); graph.nodes.len()];
    for id in graph.ids().collect::<Vec<NodeId>>().into_iter().rev() {
        collect(graph, id, &mut needs);
    }
    let mut layouts: Vec<Vec<Path>> = Vec::new();
    for id in graph.ids() {
        let layout = rewrite(graph, id, &needs[id.0], &layouts);
        layouts.push(layout);
    }
    drop_identities(graph);
    compact(graph);
}

/// Adds what a node reads of its inputs, given what is read of it.
fn collect(graph: &JobGraph, id: NodeId, needs: &mut [Need]) {
    let node = graph.node(id);
    let need = needs[id.0].clone();
    match &node.operator {
        Operator::Source(_) | Operator::Values(_) => {}
        Operator::Sink(_) | Operator::Collect => {
            let below = input_of(graph, id);
            for index in 0..graph.node(below).output.len() {
                needs[below.0].add_column(index);
            }
        }
        Operator::Calc(calc) => {
            let of_input = &mut needs[input_of(graph, id).0];
            calc.filter.iter().for_each(|filter| of_input.add_expression(filter));
            for path in need.paths() {
                match path_of(&calc.projection[path[0]]) {
                    Some(below) => of_input.add([below, path[1..].to_vec()].concat()),
                    None => of_input.add_expression(&calc.projection[path[0]]),
                }
            }
        }
        Operator::Union => {
            for edge in &node.inputs {
                need.columns().into_iter().for_each(|i| needs[edge.from.0].add_column(i));
            }
        }
        Operator::WindowTable(window) => {
            let below = input_of(graph, id);
            let n_below = graph.node(below).output.len();
            let passed = need.paths().filter(|path| path[0] < n_below);
            passed.for_each(|path| needs[below.0].add(path.clone()));
            window.time.column().into_iter().for_each(|i| needs[below.0].add_column(i));
        }
        Operator::WindowAggregate(aggregate)
        | Operator::LocalWindowAggregate(aggregate)
        | Operator::GlobalWindowAggregate(aggregate) => {
            let kept = kept_aggregate(aggregate, &need).0;
            let of_input = &mut needs[input_of(graph, id).0];
            read_columns(&kept.keys, &kept.aggregates).for_each(|i| of_input.add_column(i));
            match &kept.window {
                WindowSource::Assign(window) => {
                    window.time.column().into_iter().for_each(|i| of_input.add_column(i));
                }
                WindowSource::Attached { start, end, .. } => {
                    [*start, *end].into_iter().for_each(|i| of_input.add_column(i));
                }
            }
        }
        Operator::GroupAggregate(aggregate) => {
            let kept = kept_calls(&aggregate.aggregates, aggregate.keys.len(), &need).0;
            let of_input = &mut needs[input_of(graph, id).0];
            read_columns(&aggregate.keys, &kept).for_each(|index| of_input.add_column(index));
        }
        Operator::DropUpdateBefore => unreachable!("it is added last"),
    }
}

/// The aggregation with only the aggregates and window columns that are read, and the old
/// positions of what is left of its output.
fn kept_aggregate(aggregate: &WindowAggregate, need: &Need) -> (WindowAggregate, Vec<Path>) {
    let read = need.columns();
    let n_before = aggregate.keys.len() + aggregate.aggregates.len();
    let mut kept = aggregate.clone();
    let (calls, mut layout) = kept_calls(&aggregate.aggregates, aggregate.keys.len(), need);
    kept.aggregates = calls;
    kept.properties.clear();
    for (index, property) in aggregate.properties.iter().enumerate() {
        let place = n_before + index;
        if read.contains(&place) {
            kept.properties.push(*property);
            layout.push(vec![place]);
        }
    }
    (kept, layout)
}

/// The aggregates that are read, and the old positions of the keys and of them.
fn kept_calls(
    aggregates: &[AggregateCall],
    n_keys: usize,
    need: &Need,
) -> (Vec<AggregateCall>, Vec<Path>) {
    let read = need.columns();
    let mut kept = Vec::new();
    let mut layout: Vec<Path> = (0..n_keys).map(|index| vec![index]).collect();
    for (index, call) in aggregates.iter().enumerate() {
        if read.contains(&(n_keys + index)) {
            kept.push(call.clone());
            layout.push(vec![n_keys + index]);
        }
    }
    (kept, layout)
}

/// The input columns that keys and aggregates read.
fn read_columns(keys: &[usize], aggregates: &[AggregateCall]) -> impl Iterator<Item = usize> {
    let calls = aggregates.iter().flat_map(|call| call.argument.into_iter().chain(call.filter));
    keys.iter().copied().chain(calls)
}

/// Rewrites a node over its inputs' layouts; gives its own.
fn rewrite(graph: &mut JobGraph, id: NodeId, need: &Need, layouts: &[Vec<Path>]) -> Vec<Path> {
    let below = graph.node(id).inputs.first().map(|edge| edge.from);
    let layout = below.map_or(&[][..], |below| &layouts[below.0]);
    let place = |index: usize| {
        let column = layout.iter().position(|path| *path == [index]);
        column.expect("what a node reads is kept in its input")
    };
    match graph.node(id).operator.clone() {
        Operator::Source(source) => source::prune(graph, id, *source, need),
        Operator::Values(rows) => prune_values(graph, id, rows, need),
        Operator::Calc(calc) => prune_calc(graph, id, calc, (need, layout)),
        Operator::Union => prune_union(graph, id, need, layouts),
        Operator::WindowTable(window) => {
            let time = time_at(window.time, &place);
            let n_below = graph.node(id).output.len() - 3;
            let mut own = layout.to_vec();
            own.extend((n_below..n_below + 3).map(|index| vec![index]));
            let mut output = graph.node(below.expect("a window TVF has an input")).output.clone();
            output.extend_from_slice(&graph.node(id).output[n_below..]);
            graph.nodes[id.0].operator = Operator::WindowTable(Window { time, ..window });
            graph.nodes[id.0].output = output;
            own
        }
        Operator::WindowAggregate(aggregate) => {
            let (mut kept, own) = kept_aggregate(&aggregate, need);
            map_aggregate_columns(&mut kept.keys, &mut kept.aggregates, &place);
            kept.window = match kept.window {
                WindowSource::Assign(window) => {
                    let time = time_at(window.time, &place);
                    WindowSource::Assign(Window { time, ..window })
                }
                WindowSource::Attached { start, end, window } => {
                    let (start, end) = (place(start), place(end));
                    let time = time_at(window.time, &|_| end);
                    WindowSource::Attached { start, end, window: Window { time, ..window } }
                }
            };
            keep_output(graph, id, &own);
            graph.nodes[id.0].operator = Operator::WindowAggregate(kept);
            own
        }
        Operator::GroupAggregate(mut aggregate) => {
            let n_keys = aggregate.keys.len();
            let (mut kept, own) = kept_calls(&aggregate.aggregates, n_keys, need);
            map_aggregate_columns(&mut aggregate.keys, &mut kept, &place);
            aggregate.aggregates = kept;
            keep_output(graph, id, &own);
            graph.nodes[id.0].operator = Operator::GroupAggregate(aggregate);
            own
        }
        // Aggregations are split and −U dropped later; ends read everything in order.
        Operator::LocalWindowAggregate(_)
        | Operator::GlobalWindowAggregate(_)
        | Operator::DropUpdateBefore
        | Operator::Sink(_)
        | Operator::Collect => Vec::new(),
    }
}

/// The same time line with its column elsewhere.
fn time_at(time: WindowTime, place: &impl Fn(usize) -> usize) -> WindowTime {
    match time {
        WindowTime::Event { column } => WindowTime::Event { column: place(column) },
        WindowTime::EventLocal { column, zone } => {
            WindowTime::EventLocal { column: place(column), zone }
        }
        processing @ WindowTime::Processing { .. } => processing,
    }
}

/// Keeps those columns of a node's output.
fn keep_output(graph: &mut JobGraph, id: NodeId, layout: &[Path]) {
    let output = &graph.node(id).output;
    let kept = layout.iter().map(|path| output[path[0]].clone()).collect();
    graph.nodes[id.0].output = kept;
}

fn prune_values(
    graph: &mut JobGraph,
    id: NodeId,
    rows: Vec<Vec<Literal>>,
    need: &Need,
) -> Vec<Path> {
    let mut columns: Vec<usize> = need.columns().into_iter().collect();
    if columns.is_empty() {
        columns.push(0);
    }
    let kept = |row: Vec<Literal>| columns.iter().map(|&index| row[index].clone()).collect();
    let rows = rows.into_iter().map(kept).collect();
    let layout: Vec<Path> = columns.iter().map(|&index| vec![index]).collect();
    keep_output(graph, id, &layout);
    graph.nodes[id.0].operator = Operator::Values(rows);
    layout
}

fn prune_calc(
    graph: &mut JobGraph,
    id: NodeId,
    calc: Calc,
    (need, below): (&Need, &[Path]),
) -> Vec<Path> {
    let fields = graph.node(id).output.clone();
    let mut layout: Vec<Path> = Vec::new();
    let mut projection = Vec::new();
    let mut output = Vec::new();
    for path in need.paths() {
        let whole = &calc.projection[path[0]];
        let is_path = path_of(whole).is_some();
        let own = if is_path { path.clone() } else { vec![path[0]] };
        if layout.contains(&own) {
            continue;
        }
        let (name, part) = descend(&fields[path[0]].name, whole.clone(), &own[1..]);
        output.push(Field::new(name, part.logical_type.clone()));
        projection.push(relocate(&part, below));
        layout.push(own);
    }
    if projection.is_empty() {
        // Rows still have to be counted, and a batch needs a column.
        let zero = ExpressionKind::Literal(Literal::Integer(0));
        projection.push(Expression::new(zero, TypeRoot::Int.not_null()));
        output.push(Field::new("", TypeRoot::Int.not_null()));
        layout.push(vec![usize::MAX]);
    }
    let filter = calc.filter.map(|filter| relocate(&filter, below));
    graph.nodes[id.0].operator = Operator::Calc(Calc { filter, projection });
    graph.nodes[id.0].output = output;
    layout
}

/// The field that a path leads to below an expression, and its name.
fn descend(name: &str, mut expression: Expression, path: &[usize]) -> (String, Expression) {
    let mut name = name.to_owned();
    for &index in path {
        let TypeRoot::Row(fields) = &expression.logical_type.root else {
            unreachable!("paths lead through ROWs only");
        };
        name = format!("{name}.{}", fields[index].name);
        let of_field = &fields[index].logical_type;
        let nullable = of_field.nullable || expression.logical_type.nullable;
        let logical_type = of_field.with_nullable(nullable);
        let kind = ExpressionKind::Field { input: Box::new(expression), index };
        expression = Expression::new(kind, logical_type);
    }
    (name, expression)
}

/// All inputs of a union get the same columns in the same order.
fn prune_union(graph: &mut JobGraph, id: NodeId, need: &Need, layouts: &[Vec<Path>]) -> Vec<Path> {
    let mut columns: Vec<usize> = need.columns().into_iter().collect();
    if columns.is_empty() {
        columns.push(0);
    }
    let layout: Vec<Path> = columns.iter().map(|&index| vec![index]).collect();
    keep_output(graph, id, &layout);
    let output = graph.node(id).output.clone();
    for index in 0..graph.node(id).inputs.len() {
        let from = graph.node(id).inputs[index].from;
        if layouts[from.0] == layout {
            continue;
        }
        let columns = columns.iter().zip(&output).map(|(&column, field)| {
            relocate(&Expression::column(column, field.logical_type.clone()), &layouts[from.0])
        });
        let calc = Calc { filter: None, projection: columns.collect() };
        let calc = add(graph, Operator::Calc(calc), &[from], (output.clone(), from));
        graph.nodes[id.0].inputs[index] = forward(calc);
    }
    layout
}

/// Takes out Calcs that change nothing.
fn drop_identities(graph: &mut JobGraph) {
    for id in graph.ids() {
        for index in 0..graph.node(id).inputs.len() {
            let mut from = graph.node(id).inputs[index].from;
            while is_identity(graph, from) {
                from = input_of(graph, from);
            }
            graph.nodes[id.0].inputs[index] = forward(from);
        }
    }
}

fn is_identity(graph: &JobGraph, id: NodeId) -> bool {
    let Operator::Calc(calc) = &graph.node(id).operator else { return false };
    calc.filter.is_none()
        && calc.projection.len() == graph.node(input_of(graph, id)).output.len()
        && calc.projection.iter().enumerate().all(|(i, expression)| expression.is_column(i))
}
