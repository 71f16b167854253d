//! Closing windows: every source learns which windows judge the lateness of its rows, so that it
//! can send a watermark before the row that it makes late, whatever the batch.

use argus_plan::graph::WindowSource;
use argus_plan::window::WindowTime;
use argus_plan::{ExpressionKind, JobGraph, NodeId, Operator, Window};

use super::shape::input_of;

/// Fills `WatermarkSpec::closing`.
pub(super) fn apply(graph: &mut JobGraph) {
    let mut found: Vec<(NodeId, Window)> = Vec::new();
    for id in graph.ids() {
        let Operator::WindowAggregate(aggregate) = &graph.node(id).operator else { continue };
        match &aggregate.window {
            WindowSource::Assign(window) => {
                trace_time(graph, input_of(graph, id), window, &mut found);
            }
            WindowSource::Attached { .. } => {
                for (table, window) in windows_below(graph, input_of(graph, id)) {
                    trace_time(graph, input_of(graph, table), &window, &mut found);
                }
            }
        }
    }
    for (source, window) in found {
        if let Operator::Source(source) = &mut graph.nodes[source.0].operator
            && let Some(watermark) = &mut source.watermark
            && Some(watermark.rowtime) == window.time.column()
            && !watermark.closing.contains(&window)
        {
            watermark.closing.push(window);
        }
    }
}

/// The window TVFs whose rows reach a node without another aggregation in between.
fn windows_below(graph: &JobGraph, from: NodeId) -> Vec<(NodeId, Window)> {
    match &graph.node(from).operator {
        Operator::WindowTable(window) => vec![(from, window.clone())],
        Operator::Calc(_) | Operator::Union => {
            let inputs = graph.node(from).inputs.iter();
            inputs.flat_map(|edge| windows_below(graph, edge.from)).collect()
        }
        _ => Vec::new(),
    }
}

/// Follows the time attribute of a window down to the sources it comes from unchanged.
fn trace_time(graph: &JobGraph, at: NodeId, window: &Window, found: &mut Vec<(NodeId, Window)>) {
    let Some(column) = window.time.column() else { return };
    match &graph.node(at).operator {
        Operator::Source(_) => found.push((at, window.clone())),
        Operator::Calc(calc) => {
            if let ExpressionKind::Column(below) = calc.projection[column].kind {
                trace_time(graph, input_of(graph, at), &on_column(window, below), found);
            }
        }
        Operator::Union => {
            for edge in &graph.node(at).inputs {
                trace_time(graph, edge.from, window, found);
            }
        }
        _ => {}
    }
}

fn on_column(window: &Window, column: usize) -> Window {
    let time = match &window.time {
        WindowTime::Event { .. } => WindowTime::Event { column },
        WindowTime::EventLocal { zone, .. } => {
            WindowTime::EventLocal { column, zone: zone.clone() }
        }
        processing @ WindowTime::Processing { .. } => processing.clone(),
    };
    Window { time, ..window.clone() }
}
