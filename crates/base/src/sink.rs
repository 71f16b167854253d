//! The sink seam: writers that take batches without blocking, and how their rows become visible.

use crate::commit::Prepared;
use crate::id::{CheckpointId, SubtaskIndex};
use crate::{Batch, Result};

/// A table opened for writing.
pub trait Sink: Send + Sync {
    /// Greatest number of writers; 1 where rows must leave in one order.
    fn max_parallelism(&self) -> Option<usize>;

    /// How rows become visible.
    fn delivery(&self) -> Delivery {
        Delivery::AtLeastOnce
    }

    /// A writer for one of `parallelism` subtasks. Not asked of a sink that is `Staged`.
    fn writer(&self, subtask: SubtaskIndex, parallelism: usize) -> Result<Box<dyn SinkWriter>>;
}

/// How the rows of a sink become visible when the job takes checkpoints. Where it takes none, all
/// of them but the last two are what they are, and those two write when input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At once; rows since the last checkpoint come again after a failure.
    AtLeastOnce,
    /// At once, under a key: rows since the last checkpoint come again after a failure, and are
    /// as they were when the job has caught up.
    Idempotent,
    /// When their committer commits the epoch that the writers have prepared.
    TwoPhase,
    /// When their committer applies the rows, which the engine keeps with the checkpoint.
    Staged,
}

/// Writes the rows of one subtask. Owned by one slot; every call returns within 500 µs.
///
/// ```text
/// connecting ──is_ready──▶ writing ⟲ flush ──end_input──▶ draining ──poll = Drained──▶ done
///      └────────────── any call may return the error that ends it ────────────────┘
/// ```
pub trait SinkWriter: Send {
    /// Moves the writer's own work on (deliveries, retries) and says whether it takes a batch.
    /// A transient error is the writer's to retry; what it returns is final.
    fn poll(&mut self) -> Result<SinkStatus>;

    /// Takes a batch. May only be called right after `poll` said `Ready`.
    fn write(&mut self, batch: Batch) -> Result<()>;

    /// Whether the server is reachable and accepts rows.
    fn is_ready(&self) -> bool;

    /// Every batch before belongs to the epoch of that checkpoint, every later one to the next.
    /// May only be called right after `poll` said `Ready`. The writer goes on taking batches while
    /// it makes the epoch durable; `flushed` tells when it has.
    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()>;

    /// The next epoch that has become durable or prepared, in order, once each.
    fn flushed(&mut self) -> Option<Flushed>;

    /// No batch follows; without checkpoints, everything is made visible. `poll` says `Drained`
    /// when it is.
    fn end_input(&mut self) -> Result<()>;
}

/// An epoch whose rows are durable, or prepared for their committer.
#[derive(Clone)]
pub struct Flushed {
    /// The epoch.
    pub checkpoint: CheckpointId,
    /// What the committer needs.
    pub prepared: Vec<Prepared>,
}

/// Whether a writer takes a batch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkStatus {
    /// It does.
    Ready,
    /// Its queue is full, or its server away: back-pressure.
    Blocked,
    /// Input has ended and everything is done.
    Drained,
}
