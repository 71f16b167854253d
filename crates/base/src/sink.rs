//! The sink seam: writers that take batches without blocking.

use crate::id::{CheckpointId, SubtaskIndex};
use crate::{Batch, Result};

/// A table opened for writing.
pub trait Sink: Send + Sync {
    /// Greatest number of writers; 1 where rows must leave in one order.
    fn max_parallelism(&self) -> Option<usize>;

    /// A writer for one of `parallelism` subtasks.
    fn writer(&self, subtask: SubtaskIndex, parallelism: usize) -> Result<Box<dyn SinkWriter>>;
}

/// Writes the rows of one subtask. Owned by one slot; every call returns within 500 µs.
///
/// ```text
/// connecting ──is_ready──▶ writing ──end_input──▶ draining ──poll = Drained──▶ done
///      └────────────── any call may return the error that ends it ────────────┘
/// ```
pub trait SinkWriter: Send {
    /// Moves the writer's own work on (deliveries, retries) and says whether it takes a batch.
    /// A transient error is the writer's to retry; what it returns is final.
    fn poll(&mut self) -> Result<SinkStatus>;

    /// Takes a batch. May only be called right after `poll` said `Ready`.
    fn write(&mut self, batch: Batch) -> Result<()>;

    /// Whether the server is reachable and accepts rows.
    fn is_ready(&self) -> bool;

    /// Everything before belongs to the checkpoint. `poll` says `Drained` when it is durable.
    fn flush(&mut self, checkpoint: Option<CheckpointId>) -> Result<()>;

    /// No batch follows; everything is made visible. `poll` says `Drained` when it is.
    fn end_input(&mut self) -> Result<()>;
}

/// Whether a writer takes a batch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkStatus {
    /// It does.
    Ready,
    /// Its queue is full, or its server away: back-pressure.
    Blocked,
    /// Everything handed over before the last `flush` or `end_input` is durable, and it takes a
    /// batch unless input has ended.
    Drained,
}
