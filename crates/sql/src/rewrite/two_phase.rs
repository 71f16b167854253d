//! Two-phase aggregation: partial accumulators by key and slice before the exchange, merged
//! behind it.

use argus_base::{Field, TypeRoot};
use argus_plan::graph::{WindowAggregate, WindowSource};
use argus_plan::window::WindowTime;
use argus_plan::{AggregateCall, AggregateFunction, JobGraph, Operator};

use super::identity;
use super::shape::{add, compact, forward, input_of};

/// Splits aggregations where the strategy and the functions allow.
pub(super) fn apply(graph: &mut JobGraph) {
    let strategy = graph.settings.options.word("table.optimizer.agg-phase-strategy");
    let wanted = match strategy {
        Some("ONE_PHASE") => false,
        Some("TWO_PHASE") => true,
        _ => graph.settings.parallelism > 1,
    };
    if !wanted {
        return;
    }
    for id in graph.ids() {
        let Operator::WindowAggregate(aggregate) = &graph.node(id).operator else { continue };
        if !can_split(aggregate) {
            continue;
        }
        let aggregate = aggregate.clone();
        let below = input_of(graph, id);
        let output = local_output(graph, &aggregate, below);
        let operator = Operator::LocalWindowAggregate(aggregate.clone());
        let local = add(graph, operator, &[below], (output, id));
        graph.nodes[local.0].id = identity::local(graph.node(id).id);
        graph.nodes[id.0].operator = Operator::GlobalWindowAggregate(aggregate);
        graph.nodes[id.0].inputs = vec![forward(local)];
    }
    compact(graph);
}

/// Whether every accumulator can be merged, over event-time windows that the aggregation assigns.
fn can_split(aggregate: &WindowAggregate) -> bool {
    let WindowSource::Assign(window) = &aggregate.window else { return false };
    let is_event_time = !matches!(window.time, WindowTime::Processing { .. });
    is_event_time && aggregate.aggregates.iter().all(can_merge)
}

fn can_merge(call: &AggregateCall) -> bool {
    let is_ordered =
        matches!(call.function, AggregateFunction::FirstValue | AggregateFunction::LastValue);
    !call.is_distinct && !is_ordered
}

/// The keys and the slice's end; the accumulators behind them are the engine's own.
fn local_output(
    graph: &JobGraph,
    aggregate: &WindowAggregate,
    below: argus_plan::NodeId,
) -> Vec<Field> {
    let fields = &graph.node(below).output;
    let keys = aggregate.keys.iter().map(|&key| fields[key].clone());
    keys.chain([Field::new("slice_end", TypeRoot::BigInt.not_null())]).collect()
}
