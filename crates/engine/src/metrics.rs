//! The metrics of a running job.

use argus_base::metrics::{MetricKind, MetricSpec};

const fn counter(name: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec { name, help, kind: MetricKind::Counter }
}

const fn gauge(name: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec { name, help, kind: MetricKind::Gauge }
}

const fn histogram(name: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec { name, help, kind: MetricKind::Histogram }
}

/// Labels: job, source, topic, partition.
pub const SOURCE_RECORDS: MetricSpec =
    counter("argus_source_records_total", "Rows read from a source.");
/// Labels: job, source, topic, partition, reason: `decode` here, connectors have others.
pub const SOURCE_SKIPPED: MetricSpec =
    counter("argus_source_skipped_total", "Messages skipped instead of decoded, by reason.");
/// Labels: job, source, topic, partition.
pub const SOURCE_BYTES: MetricSpec =
    counter("argus_source_bytes_total", "Bytes read from a source, before decoding.");
/// Labels: job, source, topic, partition.
pub const SOURCE_LAG: MetricSpec =
    gauge("argus_source_lag_records", "Records between the position and the end of a partition.");
/// Labels: job, source, topic, partition.
pub const SOURCE_WATERMARK: MetricSpec = gauge(
    "argus_source_watermark_timestamp_seconds",
    "Watermark of a partition, in seconds since 1970.",
);
/// Labels: job, source, topic, partition.
pub const SOURCE_IDLE: MetricSpec =
    gauge("argus_source_idle", "1 while a partition is idle and holds no watermark back, else 0.");
/// Labels: job, source.
pub const SOURCE_EVENT_TIME_LAG: MetricSpec = gauge(
    "argus_source_event_time_lag_seconds",
    "Wall clock minus the source's watermark, in seconds.",
);
/// Labels: job, operator.
pub const RECORDS_IN: MetricSpec =
    counter("argus_operator_records_in_total", "Rows an operator has taken.");
/// Labels: job, operator.
pub const RECORDS_OUT: MetricSpec =
    counter("argus_operator_records_out_total", "Rows an operator has emitted.");
/// Labels: job, operator.
pub const BYTES_IN: MetricSpec =
    counter("argus_operator_bytes_in_total", "Bytes of the values an operator has taken.");
/// Labels: job, operator.
pub const BYTES_OUT: MetricSpec =
    counter("argus_operator_bytes_out_total", "Bytes of the values an operator has emitted.");
/// Labels: job, operator.
pub const LATE: MetricSpec = counter(
    "argus_operator_late_records_total",
    "Rows dropped because the last window that holds them had fired.",
);
/// Labels: job, operator, subtask.
pub const STATE_KEYS: MetricSpec =
    gauge("argus_operator_state_keys", "Keys held over all live windows.");
/// Labels: job, operator.
pub const DROPPED_NULLS: MetricSpec = counter(
    "argus_operator_not_null_dropped_total",
    "Rows dropped because a NOT NULL column of the sink would be NULL.",
);
/// Labels: job, slot.
pub const BUSY: MetricSpec =
    counter("argus_slot_busy_milliseconds_total", "Time a slot spent stepping fragments.");
/// Labels: job, slot.
pub const BACK_PRESSURED: MetricSpec = counter(
    "argus_slot_back_pressured_milliseconds_total",
    "Time a slot waited because an output had no credit.",
);
/// Labels: job, slot.
pub const IDLE: MetricSpec =
    counter("argus_slot_idle_milliseconds_total", "Time a slot waited because no input was ready.");
/// Labels: job, operator.
pub const BATCHES_IN: MetricSpec = counter(
    "argus_operator_batches_in_total",
    "Batches an operator has taken; rows ÷ batches is the batch size.",
);
/// Labels: job.
pub const CHECKPOINTS: MetricSpec = counter("argus_checkpoints_total", "Checkpoints committed.");
/// Labels: job.
pub const FAILED_CHECKPOINTS: MetricSpec =
    counter("argus_failed_checkpoints_total", "Checkpoints given up because they took too long.");
/// Labels: job.
pub const CHECKPOINT_DURATION: MetricSpec =
    histogram("argus_checkpoint_duration_seconds", "From the barrier to the commit.");
/// Labels: job.
pub const CHECKPOINT_ALIGNMENT: MetricSpec = histogram(
    "argus_checkpoint_alignment_seconds",
    "From the barrier's order until every subtask and sink has answered.",
);
/// Labels: job.
pub const CHECKPOINT_SEAL: MetricSpec = histogram(
    "argus_checkpoint_seal_seconds",
    "Time for which a subtask stood still to seal its state.",
);
/// Labels: job.
pub const CHECKPOINT_UPLOAD: MetricSpec = histogram(
    "argus_checkpoint_upload_seconds",
    "Encoding segments and writing them to the store.",
);
/// Labels: job.
pub const CHECKPOINT_COMMIT: MetricSpec =
    histogram("argus_checkpoint_commit_seconds", "Writing the manifest and committing.");
/// Labels: job.
pub const CHECKPOINT_BYTES: MetricSpec =
    gauge("argus_checkpoint_bytes", "Bytes written for the last checkpoint.");
/// Labels: job.
pub const CHECKPOINT_FULL_BYTES: MetricSpec =
    gauge("argus_checkpoint_full_bytes", "Bytes of everything the last checkpoint refers to.");
/// Labels: job.
pub const CHECKPOINT_AGE: MetricSpec =
    gauge("argus_checkpoint_age_seconds", "Time since the last checkpoint was committed.");
/// Labels: job, operator, subtask.
pub const STATE_BYTES: MetricSpec =
    gauge("argus_operator_state_bytes", "Memory that the operator's keyed state takes.");
/// Labels: job.
pub const RESTARTS: MetricSpec =
    counter("argus_restarts_total", "Restarts of the job inside the process.");
