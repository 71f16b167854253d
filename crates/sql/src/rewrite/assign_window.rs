//! Window assignment: an aggregation over a window TVF assigns the windows itself, so that a row
//! is counted in its slice and not copied once a window.
//!
//! ```text
//! WindowTable → Calc → WindowAggregate(attached)   ⇒   Calc → WindowAggregate(assigned)
//! ```
//! The Calc moves below the window, so it must do nothing with the window's columns but pass
//! them to the aggregation as its bounds; otherwise the windows stay attached, as in Flink.

use argus_base::Field;
use argus_plan::graph::{Calc, WindowAggregate, WindowSource};
use argus_plan::window::WindowTime;
use argus_plan::{Expression, ExpressionKind, JobGraph, NodeId, Operator, Window};

use super::shape::{add, calc_at, compact, compose, forward, input_of, map_aggregate_columns};

/// Assigns wherever it can.
pub(super) fn apply(graph: &mut JobGraph) {
    for id in graph.ids() {
        if let Operator::WindowAggregate(aggregate) = &graph.node(id).operator
            && let WindowSource::Attached { start, end, .. } = aggregate.window
            && let Some(path) = path_to_window(graph, input_of(graph, id))
        {
            let aggregate = aggregate.clone();
            assign(graph, id, aggregate, (start, end), path);
        }
    }
    compact(graph);
}

/// The Calcs between an aggregation and the window TVF below it, as one.
struct Path {
    calc: Calc,
    table: NodeId,
    window: Window,
}

fn path_to_window(graph: &JobGraph, from: NodeId) -> Option<Path> {
    let fields = graph.node(from).output.iter().enumerate();
    let identity = fields.map(|(i, field)| Expression::column(i, field.logical_type.clone()));
    let mut calc = Calc { filter: None, projection: identity.collect() };
    let mut at = from;
    while let Some(lower) = calc_at(graph, at) {
        calc = compose(&calc, lower);
        at = input_of(graph, at);
    }
    match &graph.node(at).operator {
        Operator::WindowTable(window) => Some(Path { calc, table: at, window: window.clone() }),
        _ => None,
    }
}

fn assign(
    graph: &mut JobGraph,
    id: NodeId,
    mut aggregate: WindowAggregate,
    bounds: (usize, usize),
    path: Path,
) {
    let below = input_of(graph, path.table);
    let names: Vec<String> =
        graph.node(input_of(graph, id)).output.iter().map(|field| field.name.clone()).collect();
    let n_below = graph.node(below).output.len();
    let Some((mut calc, places)) = without_window_columns(path.calc, bounds, n_below) else {
        return;
    };
    let calls = aggregate.aggregates.iter();
    let read = calls.flat_map(|call| call.argument.into_iter().chain(call.filter));
    let mut read = read.chain(aggregate.keys.iter().copied());
    if read.any(|column| places[column].is_none()) {
        return;
    }
    let place = |column: usize| {
        places[column].expect("columns that are read were just seen to have a place")
    };
    map_aggregate_columns(&mut aggregate.keys, &mut aggregate.aggregates, &place);
    let kept = names.into_iter().zip(&places).filter(|(_, place)| place.is_some());
    let mut names: Vec<String> = kept.map(|(name, _)| name).collect();
    let time = match path.window.time {
        WindowTime::Event { column } => {
            WindowTime::Event { column: time_place(graph, below, column, &mut calc) }
        }
        WindowTime::EventLocal { column, zone } => {
            let column = time_place(graph, below, column, &mut calc);
            WindowTime::EventLocal { column, zone }
        }
        processing @ WindowTime::Processing { .. } => processing,
    };
    names.resize(calc.projection.len(), "rowtime".to_owned());
    aggregate.window = WindowSource::Assign(Window { time, ..path.window });
    let fields = names.into_iter().zip(&calc.projection);
    let output = fields.map(|(name, e)| Field::new(name, e.logical_type.clone())).collect();
    let calc = add(graph, Operator::Calc(calc), &[below], (output, path.table));
    graph.nodes[id.0].operator = Operator::WindowAggregate(aggregate);
    graph.nodes[id.0].inputs = vec![forward(calc)];
}

/// The Calc over the window TVF's input, and where its columns went; columns of the window are
/// gone. `None` where it computes with them.
fn without_window_columns(
    calc: Calc,
    (start, end): (usize, usize),
    n_below: usize,
) -> Option<(Calc, Vec<Option<usize>>)> {
    let reads_window = |expression: &Expression| {
        let mut reads = false;
        expression.visit_columns(&mut |index| reads |= index >= n_below);
        reads
    };
    let is_bounds =
        calc.projection[start].is_column(n_below) && calc.projection[end].is_column(n_below + 1);
    if !is_bounds || calc.filter.as_ref().is_some_and(reads_window) {
        return None;
    }
    let mut projection = Vec::new();
    let mut places = Vec::new();
    for expression in calc.projection {
        if !reads_window(&expression) {
            places.push(Some(projection.len()));
            projection.push(expression);
            continue;
        }
        if !matches!(expression.kind, ExpressionKind::Column(_)) {
            return None;
        }
        places.push(None);
    }
    Some((Calc { filter: calc.filter, projection }, places))
}

/// Where the Calc passes the time attribute on; it is added where it does not.
fn time_place(graph: &JobGraph, below: NodeId, column: usize, calc: &mut Calc) -> usize {
    if let Some(place) = calc.projection.iter().position(|e| e.is_column(column)) {
        return place;
    }
    let logical_type = graph.node(below).output[column].logical_type.clone();
    calc.projection.push(Expression::column(column, logical_type));
    calc.projection.len() - 1
}
