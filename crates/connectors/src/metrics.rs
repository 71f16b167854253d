//! The metrics of connectors.

use argus_base::metrics::{MetricKind, MetricSpec};

const fn counter(name: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec { name, help, kind: MetricKind::Counter }
}

/// Labels: job, source, topic, partition, reason (decode, null, oversize).
pub const SOURCE_SKIPPED: MetricSpec =
    counter("argus_source_skipped_total", "Messages skipped instead of decoded, by reason.");
/// Labels: job, sink.
pub const SINK_RECORDS: MetricSpec =
    counter("argus_sink_records_total", "Rows the external system has acknowledged.");
/// Labels: job, sink.
pub const SINK_BYTES: MetricSpec =
    counter("argus_sink_bytes_total", "Encoded bytes the external system has acknowledged.");
/// Labels: job, sink.
pub const SINK_SKIPPED: MetricSpec = counter(
    "argus_sink_skipped_total",
    "Rows skipped because the external system refuses their content.",
);
/// Labels: job, sink.
pub const SINK_RETRIES: MetricSpec =
    counter("argus_sink_retries_total", "Writes tried again after a transient failure.");
/// Labels: job, sink.
pub const SINK_WRITE_SECONDS: MetricSpec = MetricSpec {
    name: "argus_sink_write_seconds",
    help: "Time from handing a batch to the external system to its acknowledgement.",
    kind: MetricKind::Histogram,
};
