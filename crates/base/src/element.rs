//! Everything that flows along an edge of a job.

use crate::Batch;
use crate::id::CheckpointId;
use crate::time::{ProcessingTime, Watermark};

/// One in-band element. Order along an edge is the order of sending; nothing overtakes.
#[derive(Clone, Debug)]
pub enum Element {
    /// Rows.
    Batch(Batch),
    /// No row with a smaller or equal event time follows that is not late.
    Watermark(Watermark),
    /// Rows before it belong to the checkpoint, rows after it do not.
    Barrier(CheckpointId),
    /// Wall clock as the source saw it; drives processing-time windows.
    Tick(ProcessingTime),
    /// The sender no longer holds watermarks back, until it says that it is active.
    Idle,
    /// The sender holds watermarks back again. It says so before its rows come: they may lie in an
    /// operator, or go nowhere, long before a watermark follows them.
    Active,
    /// Nothing follows.
    End,
}
