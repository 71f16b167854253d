//! What checkpoints ask of the head of a source: to hold rows back until the start positions are on
//! record, to send barriers, and to publish the positions of what has been committed.

use std::collections::VecDeque;
use std::sync::Arc;

use argus_base::Result;
use argus_base::batch::MAX_BATCH_ROWS;
use argus_base::id::{CheckpointId, SplitIndex};
use argus_base::source::{SourcePoll, SourceReader, SplitPosition};

use crate::checkpoint::{BarrierKind, HeadBarriers, HeadOrder, Orders};

/// Checkpoints whose positions wait to be published; older ones are superseded.
const MAX_UNPUBLISHED: usize = 4;

/// The checkpoint side of a source's head.
pub(crate) struct HeadCheckpoints {
    barriers: HeadBarriers,
    /// A barrier that waits for the reader to know its start positions.
    waiting: Option<(CheckpointId, BarrierKind)>,
    /// Whether it has known them, and told of all its splits.
    has_started: bool,
    /// What the reader gave before rows may flow, with the positions before it.
    held: Option<(SourcePoll, Vec<SplitPosition>)>,
    at_barrier: Vec<SplitPosition>,
    unpublished: VecDeque<(CheckpointId, Vec<SplitPosition>)>,
    is_exhausted: bool,
}

impl HeadCheckpoints {
    pub(crate) fn new(orders: Arc<Orders>) -> HeadCheckpoints {
        HeadCheckpoints {
            barriers: HeadBarriers::new(orders),
            waiting: None,
            has_started: false,
            held: None,
            at_barrier: Vec::new(),
            unpublished: VecDeque::new(),
            is_exhausted: false,
        }
    }

    /// The barrier to send now.
    pub(crate) fn next_order(
        &mut self,
        reader: &mut dyn SourceReader,
    ) -> Option<(CheckpointId, BarrierKind)> {
        match self.barriers.next() {
            Some(HeadOrder::Barrier(checkpoint, kind)) => self.waiting = Some((checkpoint, kind)),
            Some(HeadOrder::Completed(checkpoint)) => self.publish(checkpoint, reader),
            None => {}
        }
        if !self.has_started {
            return None;
        }
        let (checkpoint, kind) = self.waiting.take()?;
        self.at_barrier = match &self.held {
            Some((_, before)) => before.clone(),
            None => reader.positions(),
        };
        if self.unpublished.len() == MAX_UNPUBLISHED {
            self.unpublished.pop_front();
        }
        self.unpublished.push_back((checkpoint, self.at_barrier.clone()));
        Some((checkpoint, kind))
    }

    /// Polls the reader; what it gives too early waits here.
    pub(crate) fn poll(
        &mut self,
        reader: &mut dyn SourceReader,
        preferred: &[SplitIndex],
    ) -> Result<SourcePoll> {
        let must_hold = self.barriers.holds_rows() || self.waiting.is_some();
        if let Some((held, before)) = self.held.take() {
            if !must_hold {
                return Ok(held);
            }
            self.held = Some((held, before));
            self.has_started |= reader.is_ready();
            return Ok(SourcePoll::Empty);
        }
        if self.is_exhausted {
            return Ok(SourcePoll::Empty);
        }
        if !must_hold {
            return reader.poll(MAX_BATCH_ROWS, preferred);
        }
        let before = reader.positions();
        let early = reader.poll(MAX_BATCH_ROWS, preferred)?;
        if matches!(early, SourcePoll::SplitAdded { .. } | SourcePoll::SplitFinished(_)) {
            return Ok(early);
        }
        self.has_started |= reader.is_ready() || matches!(early, SourcePoll::End);
        if !matches!(early, SourcePoll::Empty) {
            self.held = Some((early, before));
        }
        Ok(SourcePoll::Empty)
    }

    /// Positions of the last barrier.
    pub(crate) fn positions_at_barrier(&self) -> Vec<SplitPosition> {
        self.at_barrier.clone()
    }

    /// The source has come to its end; true the first time.
    pub(crate) fn exhaust(&mut self) -> bool {
        self.is_exhausted = true;
        self.barriers.exhaust()
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }

    fn publish(&mut self, checkpoint: CheckpointId, reader: &mut dyn SourceReader) {
        while let Some((known, positions)) = self.unpublished.pop_front() {
            if known == checkpoint {
                reader.checkpoint_completed(&positions);
            }
            if known > checkpoint {
                self.unpublished.push_front((known, positions));
                return;
            }
        }
    }
}

#[cfg(test)]
#[path = "head_checkpoints_tests.rs"]
mod tests;
