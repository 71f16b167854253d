//! A writer that keeps the rows of an epoch for the checkpoint, in place of a connector's own.
//!
//! Bound: [`MAX_BYTES`] wait here; when there are more they go to the coordinator, which writes
//! them to the store, one such chunk at a time. A writer that waits for the store blocks its
//! fragment, and with it the barrier; the coordinator takes chunks whatever else it waits for.

use std::collections::VecDeque;
use std::sync::Arc;

use argus_base::Batch;
use argus_base::id::CheckpointId;
use argus_base::sink::SinkStatus;

/// Bytes of rows that wait for a barrier or for the chunk before them.
const MAX_BYTES: usize = 32 << 20;

/// Keeps rows.
#[derive(Default)]
pub(crate) struct StagingWriter {
    rows: Vec<Batch>,
    n_bytes: usize,
    permit: Permit,
    leaving: VecDeque<Leaving>,
    is_ended: bool,
}

/// What leaves a staging writer, in order.
pub(crate) enum Leaving {
    /// Rows of the current epoch.
    Chunk(Chunk),
    /// The rest of an epoch.
    Epoch(CheckpointId, Vec<Batch>),
}

/// Rows on their way to the store; the next ones follow when the permit is dropped.
pub(crate) struct Chunk {
    pub rows: Vec<Batch>,
    pub permit: Permit,
}

/// Held by whoever has rows of a writer that are not in the store yet.
#[derive(Clone, Default)]
pub(crate) struct Permit(Arc<()>);

impl StagingWriter {
    /// Whether it takes rows.
    pub(crate) fn poll(&mut self) -> SinkStatus {
        if self.is_ended {
            return SinkStatus::Drained;
        }
        if self.n_bytes < MAX_BYTES {
            return SinkStatus::Ready;
        }
        let is_chunk_under_way = Arc::strong_count(&self.permit.0) > 1;
        if is_chunk_under_way {
            return SinkStatus::Blocked;
        }
        let (rows, permit) = (self.take(), self.permit.clone());
        self.leaving.push_back(Leaving::Chunk(Chunk { rows, permit }));
        SinkStatus::Ready
    }

    pub(crate) fn write(&mut self, batch: Batch) {
        self.n_bytes += batch.n_bytes();
        self.rows.push(batch);
    }

    /// The rows so far are the epoch's.
    pub(crate) fn flush(&mut self, checkpoint: CheckpointId) {
        let rows = self.take();
        self.leaving.push_back(Leaving::Epoch(checkpoint, rows));
    }

    /// What is to be reported next.
    pub(crate) fn leaving(&mut self) -> Option<Leaving> {
        self.leaving.pop_front()
    }

    /// No rows follow. The last barrier comes before the end, so none are left.
    pub(crate) fn end_input(&mut self) {
        self.is_ended = true;
    }

    fn take(&mut self) -> Vec<Batch> {
        self.n_bytes = 0;
        std::mem::take(&mut self.rows)
    }
}
