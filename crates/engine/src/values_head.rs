//! The head of a fragment that has constant rows, or, where a source has fewer readers than slots,
//! none at all.

use std::collections::VecDeque;
use std::sync::Arc;

use argus_base::source::SplitPosition;
use argus_base::time::Watermark;
use argus_base::{Batch, Element};
use argus_state::manifest::SubtaskState;

use crate::checkpoint::{BarrierKind, HeadBarriers, HeadOrder, Orders};

/// The only split of constant rows; its position is the number of batches sent.
const SPLIT: &str = "values";

/// Sends its rows, then the end.
pub(crate) struct ValuesHead {
    rows: Option<Batch>,
    n_sent: usize,
    ready: VecDeque<Element>,
    barriers: Option<HeadBarriers>,
    is_ended: bool,
}

impl ValuesHead {
    /// `orders` in a job that takes checkpoints.
    pub(crate) fn new(rows: Option<Batch>, orders: Option<Arc<Orders>>) -> ValuesHead {
        let barriers = orders.map(HeadBarriers::new);
        ValuesHead { rows, n_sent: 0, ready: VecDeque::new(), barriers, is_ended: false }
    }

    /// Goes on where a former life stood: rows that had been sent are not sent again.
    pub(crate) fn restore(&mut self, former: &[SubtaskState]) {
        let positions = former.iter().flat_map(|state| &state.positions);
        if positions.into_iter().any(|position| position.position != "0") {
            self.n_sent = 1;
            self.rows = None;
        }
    }

    /// Where it stands.
    pub(crate) fn state(&self) -> SubtaskState {
        let position = SplitPosition { split: SPLIT.to_owned(), position: self.n_sent.to_string() };
        SubtaskState { positions: vec![position], ..SubtaskState::default() }
    }

    /// The next element, where there is one.
    pub(crate) fn poll(&mut self) -> Option<Element> {
        if let Some(element) = self.ready.pop_front() {
            return Some(element);
        }
        if self.is_ended {
            return None;
        }
        let Some(barriers) = &mut self.barriers else {
            self.is_ended = true;
            self.ready.extend(self.rows.take().map(Element::Batch));
            self.ready.extend([Element::Watermark(Watermark::MAX), Element::End]);
            return self.ready.pop_front();
        };
        match barriers.next() {
            Some(HeadOrder::Barrier(checkpoint, kind)) => {
                self.ready.push_back(Element::Barrier(checkpoint));
                if kind != BarrierKind::Periodic {
                    self.is_ended = true;
                    self.ready.push_back(Element::End);
                }
            }
            Some(HeadOrder::Completed(_)) => {}
            None if !barriers.holds_rows() && barriers.exhaust() => {
                self.n_sent += usize::from(self.rows.is_some());
                self.ready.extend(self.rows.take().map(Element::Batch));
                self.ready.push_back(Element::Watermark(Watermark::MAX));
            }
            None => {}
        }
        self.ready.pop_front()
    }

    /// Ends where it stands.
    pub(crate) fn stop(&mut self) {
        if !self.is_ended && self.barriers.is_none() {
            self.is_ended = true;
            self.ready.push_back(Element::End);
        }
    }
}
