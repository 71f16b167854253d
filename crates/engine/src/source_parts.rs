//! What a source's head is made of, from the plan.

use argus_base::connector::ConnectorContext;
use argus_base::logical_type::arrow_schema;
use argus_base::source::Source;
use argus_base::time::Watermark;
use argus_base::{Error, Result};
use argus_plan::graph::{SourceOperator, WatermarkSpec};
use argus_plan::{Expression, ExpressionKind, JobGraph, NodeId, Operator, ScalarFunction, Window};

use crate::expression::{CompiledExpression, ProjectionSet};
use crate::source_head::{
    ClosingWindow, EventTimeTracker, IdlePolicy, Instruments, SourceHeadParts,
};
use crate::time_line::TimeLine;
use crate::watermark::WatermarkMerge;

/// The parts of a head that reads `operator`'s table.
pub(crate) fn source_head_parts(
    graph: &JobGraph,
    id: NodeId,
    operator: &SourceOperator,
    source: &dyn Source,
    context: &ConnectorContext,
) -> Result<SourceHeadParts> {
    let zone = &graph.settings.time_zone;
    let is_exact = graph.nodes.iter().any(|node| asks_watermark(&node.operator));
    let tracker = |spec| {
        let tracker = event_time_tracker(spec, source.watermark_per_split(), zone)?;
        Ok::<_, Error>(EventTimeTracker { is_exact, ..tracker })
    };
    let event_time = operator.watermark.as_ref().map(tracker).transpose()?;
    let timeout = operator.watermark.as_ref().and_then(|spec| spec.idle_timeout);
    let registry = context.metrics.clone();
    Ok(SourceHeadParts {
        projection: ProjectionSet::compile(&operator.projection, zone)?,
        schema: arrow_schema(&graph.node(id).output),
        event_time,
        idle_policy: IdlePolicy {
            timeout: timeout.or(graph.settings.idle_timeout),
            when_caught_up: graph.settings.idle_when_caught_up,
            advance_after: graph.settings.advance_when_idle,
            without_splits: !source.is_bounded(),
            // State that may be spilled makes room for others also while nothing comes.
            needs_ticks: graph.settings.memory_limit.is_some()
                || graph.nodes.iter().any(|node| has_processing_time(&node.operator)),
        },
        on_error: context.on_source_error,
        env: context.env.clone(),
        instruments: Instruments::new(registry, &context.job_name, &operator.table.name),
        checkpoints: None,
    })
}

fn event_time_tracker(
    spec: &WatermarkSpec,
    per_split: bool,
    zone: &str,
) -> Result<EventTimeTracker> {
    let closing = spec.closing.iter().map(|window| {
        Ok(ClosingWindow { window: window.clone(), time_line: TimeLine::of_window(window)? })
    });
    Ok(EventTimeTracker {
        rowtime: spec.rowtime,
        expression: CompiledExpression::compile(&spec.expression, zone)?,
        closing: closing.collect::<Result<Vec<_>>>()?,
        emit_interval: spec.emit_interval,
        is_exact: false,
        per_split,
        n_readers: 1,
        merge: WatermarkMerge::default(),
        sent: (Watermark::MIN, std::time::Duration::ZERO),
        restored: std::collections::BTreeMap::new(),
    })
}

/// Whether a row's result depends on the watermark of the rows before it.
fn asks_watermark(operator: &Operator) -> bool {
    let Operator::Calc(calc) = operator else { return false };
    calc.projection.iter().chain(&calc.filter).any(reads_watermark)
}

fn reads_watermark(expression: &Expression) -> bool {
    let is_call = matches!(
        expression.kind,
        ExpressionKind::Call { function: ScalarFunction::CurrentWatermark, .. }
    );
    is_call || expression.children().into_iter().any(reads_watermark)
}

fn has_processing_time(operator: &Operator) -> bool {
    let is_processing = |window: &Window| window.time.column().is_none();
    match operator {
        Operator::WindowTable(window) => is_processing(window),
        Operator::WindowAggregate(aggregate)
        | Operator::LocalWindowAggregate(aggregate)
        | Operator::GlobalWindowAggregate(aggregate) => is_processing(aggregate.window.window()),
        // Keys are forgotten by processing time.
        Operator::GroupAggregate(aggregate) => aggregate.ttl.is_some(),
        _ => false,
    }
}
