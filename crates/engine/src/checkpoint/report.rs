//! What the subtasks of a job report of a checkpoint, and the mailbox it goes through.
//!
//! Bound: one report for each part of the job and checkpoint under way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::Batch;
use argus_base::commit::Prepared;
use argus_base::id::{CheckpointId, OperatorId, SubtaskIndex};
use argus_base::time::{ProcessingTime, Watermark};
use argus_state::manifest::SubtaskState;
use argus_state::segment::SectionId;
use argus_state::snapshot::Sealed;

use super::staging::Chunk;
use crate::exchange::Waker;

/// A subtask of an operator, head or sink.
pub(crate) type PartId = SectionId;

/// What a part reports.
pub(crate) enum Part {
    /// A head: positions and watermarks of its splits.
    Head(SubtaskState),
    /// An operator.
    Node(NodeState),
    /// A sink's writer: what it has prepared.
    Sink(Vec<Prepared>),
    /// A sink's rows, the last of their epoch.
    Rows(Vec<Batch>),
    /// A sink's rows, of the epoch that its next `Rows` ends.
    Chunk(Chunk),
}

/// An operator at a barrier.
pub(crate) struct NodeState {
    pub watermark: Watermark,
    pub clock: ProcessingTime,
    pub sealed: Option<Sealed>,
    /// How long the seal held the slot.
    pub seal: Duration,
}

/// A part's answer to a barrier.
pub(crate) struct Report {
    pub id: PartId,
    /// `None` for a chunk.
    pub checkpoint: Option<CheckpointId>,
    pub part: Part,
}

/// Where reports are gathered.
#[derive(Default)]
pub(crate) struct Mailbox {
    reports: Mutex<Vec<Report>>,
    /// Wakes the coordinator.
    pub waker: Waker,
}

impl Mailbox {
    /// Everything that has come since the last call.
    pub(crate) fn take(&self) -> Vec<Report> {
        std::mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A part's way to the mailbox.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub mailbox: Arc<Mailbox>,
    pub subtask: SubtaskIndex,
}

impl Reporter {
    /// Reports a part.
    pub(crate) fn report(&self, operator: OperatorId, checkpoint: CheckpointId, part: Part) {
        self.send(operator, Some(checkpoint), part);
    }

    /// Hands a chunk of staged rows over.
    pub(crate) fn chunk(&self, operator: OperatorId, chunk: Chunk) {
        self.send(operator, None, Part::Chunk(chunk));
    }

    fn send(&self, operator: OperatorId, checkpoint: Option<CheckpointId>, part: Part) {
        let id = PartId { operator, subtask: self.subtask };
        let mut reports = self.mailbox.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.push(Report { id, checkpoint, part });
        drop(reports);
        self.mailbox.waker.ring();
    }
}
