//! Exchanges: how many subtasks each operator has, and how rows go from one to the next.

use argus_plan::graph::{GroupAggregate, Partitioning, SinkOperator, WindowAggregate};
use argus_plan::{JobGraph, NodeId, Operator};

/// Sets parallelism and partitioning of every node and edge. Inputs come before users.
pub(super) fn apply(graph: &mut JobGraph) {
    for id in graph.ids() {
        let parallelism = parallelism(graph, id);
        graph.nodes[id.0].parallelism = parallelism;
        for index in 0..graph.node(id).inputs.len() {
            let from = graph.node(id).inputs[index].from;
            graph.nodes[id.0].inputs[index].partitioning = partitioning(graph, from, id);
        }
    }
}

fn parallelism(graph: &JobGraph, id: NodeId) -> usize {
    let node = graph.node(id);
    let of_job = graph.settings.parallelism;
    let of_inputs = node.inputs.iter().map(|edge| graph.node(edge.from).parallelism).max();
    let of_inputs = of_inputs.unwrap_or(of_job);
    match &node.operator {
        Operator::Source(source) => {
            written(&source.table.options, "scan.parallelism").unwrap_or(of_job)
        }
        Operator::Values(_) | Operator::Collect => 1,
        Operator::WindowAggregate(WindowAggregate { keys, .. })
        | Operator::GlobalWindowAggregate(WindowAggregate { keys, .. })
        | Operator::GroupAggregate(GroupAggregate { keys, .. }) => {
            if keys.is_empty() {
                1
            } else {
                of_job
            }
        }
        Operator::Sink(sink) => {
            written(&sink.table.options, "sink.parallelism").unwrap_or(of_inputs)
        }
        Operator::Calc(_)
        | Operator::Union
        | Operator::WindowTable(_)
        | Operator::LocalWindowAggregate(_)
        | Operator::DropUpdateBefore => of_inputs,
    }
}

fn written(options: &std::collections::BTreeMap<String, String>, key: &str) -> Option<usize> {
    options.get(key).and_then(|value| value.trim().parse().ok()).filter(|number| *number > 0)
}

fn partitioning(graph: &JobGraph, from: NodeId, to: NodeId) -> Partitioning {
    let (senders, receivers) = (graph.node(from).parallelism, graph.node(to).parallelism);
    if senders == 1 && receivers == 1 {
        return Partitioning::Forward;
    }
    if receivers == 1 {
        return Partitioning::Single;
    }
    match &graph.node(to).operator {
        Operator::WindowAggregate(WindowAggregate { keys, .. })
        | Operator::GroupAggregate(GroupAggregate { keys, .. }) => Partitioning::Hash(keys.clone()),
        // The local step's output begins with the keys.
        Operator::GlobalWindowAggregate(aggregate) => {
            Partitioning::Hash((0..aggregate.keys.len()).collect())
        }
        _ if senders == receivers => Partitioning::Forward,
        Operator::Sink(sink) => to_sink(sink),
        _ => Partitioning::Rebalance,
    }
}

/// Rows of one primary key stay in order.
fn to_sink(sink: &SinkOperator) -> Partitioning {
    match sink.table.primary_key.as_slice() {
        [] => Partitioning::Rebalance,
        key => Partitioning::Hash(key.to_vec()),
    }
}
