//! The metrics of checkpoints, and the last one's facts for `argus status`.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_base::id::CheckpointId;
use argus_base::metrics::{Counter, Gauge, Histogram, Registry};
use argus_base::time::ProcessingTime;

use super::PartId;
use crate::metrics;

/// A checkpoint that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed {
    /// Its number.
    pub checkpoint: CheckpointId,
    /// When it was committed.
    pub at: ProcessingTime,
    /// From the barrier to the commit.
    pub whole: Duration,
    /// Encoding and writing segments.
    pub upload: Duration,
    /// Manifest and commit.
    pub commit: Duration,
    /// Bytes written for it.
    pub n_delta: u64,
    /// Bytes of everything it refers to.
    pub n_full: u64,
}

/// Metrics of one job's checkpoints.
pub(crate) struct Instruments {
    registry: Registry,
    job: String,
    duration: Histogram,
    upload: Histogram,
    commit: Histogram,
    alignment: Histogram,
    seal: Histogram,
    n_completed: Counter,
    n_failed: Counter,
    bytes: Gauge,
    full_bytes: Gauge,
    age: Gauge,
    state: BTreeMap<PartId, Gauge>,
}

impl Instruments {
    pub(crate) fn new(registry: &Registry, job: &str) -> Instruments {
        let labels = [("job", job)];
        Instruments {
            duration: registry.histogram(&metrics::CHECKPOINT_DURATION, &labels),
            upload: registry.histogram(&metrics::CHECKPOINT_UPLOAD, &labels),
            commit: registry.histogram(&metrics::CHECKPOINT_COMMIT, &labels),
            alignment: registry.histogram(&metrics::CHECKPOINT_ALIGNMENT, &labels),
            seal: registry.histogram(&metrics::CHECKPOINT_SEAL, &labels),
            n_completed: registry.counter(&metrics::CHECKPOINTS, &labels),
            n_failed: registry.counter(&metrics::FAILED_CHECKPOINTS, &labels),
            bytes: registry.gauge(&metrics::CHECKPOINT_BYTES, &labels),
            full_bytes: registry.gauge(&metrics::CHECKPOINT_FULL_BYTES, &labels),
            age: registry.gauge(&metrics::CHECKPOINT_AGE, &labels),
            state: BTreeMap::new(),
            registry: registry.clone(),
            job: job.to_owned(),
        }
    }

    pub(crate) fn aligned(&self, time: Duration) {
        self.alignment.observe(time);
    }

    pub(crate) fn sealed(&self, seal: Duration) {
        self.seal.observe(seal);
    }

    #[allow(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
    pub(crate) fn state(&mut self, part: PartId, n_bytes: u64) {
        let (registry, job) = (&self.registry, &self.job);
        let gauge = self.state.entry(part).or_insert_with(|| {
            let (operator, subtask) = (part.operator.to_string(), part.subtask.0.to_string());
            let labels = [("job", job.as_str()), ("operator", &operator), ("subtask", &subtask)];
            registry.gauge(&metrics::STATE_BYTES, &labels)
        });
        gauge.set(n_bytes as f64);
    }

    pub(crate) fn failed(&self) {
        self.n_failed.add(1);
    }

    #[allow(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
    pub(crate) fn completed(&self, completed: Completed) {
        self.n_completed.add(1);
        self.duration.observe(completed.whole);
        self.upload.observe(completed.upload);
        self.commit.observe(completed.commit);
        self.bytes.set(completed.n_delta as f64);
        self.full_bytes.set(completed.n_full as f64);
        let (checkpoint, whole) = (completed.checkpoint.0, completed.whole);
        tracing::info!(checkpoint, ?whole, state_bytes = completed.n_full, "checkpoint completed");
    }

    /// Shows how long ago the last checkpoint was committed.
    pub(crate) fn show_age(&self, last: Option<Completed>, now: ProcessingTime) {
        if let Some(last) = last {
            let millis = now.0.saturating_sub(last.at.0).max(0).unsigned_abs();
            self.age.set(Duration::from_millis(millis).as_secs_f64());
        }
    }
}
