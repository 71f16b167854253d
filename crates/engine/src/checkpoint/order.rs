//! What the coordinator tells the heads of a job: when to send a barrier, and what has completed.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argus_base::id::CheckpointId;

use crate::exchange::Waker;

/// What follows a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BarrierKind {
    /// The job goes on.
    Periodic,
    /// The job ends: sources end where they stand.
    Stop,
    /// The job ends after every window has fired.
    Drain,
}

/// Shared by the coordinator and the slots of one attempt of a job.
#[derive(Default)]
pub(crate) struct Orders {
    /// Without checkpoints: end the sources where they stand.
    pub stop: AtomicBool,
    /// End at once.
    pub abort: AtomicBool,
    /// Heads whose source has come to its end.
    pub n_exhausted: AtomicUsize,
    /// The last barrier asked for; 0 before the first.
    wanted: AtomicU64,
    kind: Mutex<Option<BarrierKind>>,
    /// The last checkpoint that has been committed; 0 before the first.
    completed: AtomicU64,
    /// Whether rows have to wait for the tables that are behind.
    is_holding: AtomicBool,
    /// Wakes the slots.
    wakers: Mutex<Vec<Arc<Waker>>>,
}

impl Orders {
    /// Tells which slots are to be woken.
    pub(crate) fn set_wakers(&self, wakers: Vec<Arc<Waker>>) {
        *self.wakers.lock().unwrap_or_else(PoisonError::into_inner) = wakers;
    }

    /// Asks every head for a barrier.
    pub(crate) fn send_barrier(&self, checkpoint: CheckpointId, kind: BarrierKind) {
        *self.kind.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind);
        self.wanted.store(checkpoint.0, Ordering::Release);
        self.wake();
    }

    /// Tells every head whether its rows have to wait.
    pub(crate) fn hold(&self, is_holding: bool) {
        if self.is_holding.swap(is_holding, Ordering::AcqRel) != is_holding {
            self.wake();
        }
    }

    /// Tells every head that a checkpoint has been committed, or that one was restored.
    pub(crate) fn complete(&self, checkpoint: CheckpointId) {
        self.completed.store(checkpoint.0, Ordering::Release);
        self.wake();
    }

    /// Ends all slots at once.
    pub(crate) fn abort(&self) {
        self.abort.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        let wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.iter().for_each(|waker| waker.ring());
    }
}

/// What a head is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadOrder {
    /// Send a barrier, and end where its kind says so.
    Barrier(CheckpointId, BarrierKind),
    /// The checkpoint's positions may be published.
    Completed(CheckpointId),
}

/// The orders as one head follows them.
pub(crate) struct HeadBarriers {
    orders: Arc<Orders>,
    sent: u64,
    completed: u64,
    is_exhausted: bool,
}

impl HeadBarriers {
    /// Follows the orders from their beginning.
    pub(crate) fn new(orders: Arc<Orders>) -> HeadBarriers {
        HeadBarriers { orders, sent: 0, completed: 0, is_exhausted: false }
    }

    /// Whether rows have to wait: where the job stands is not on record yet, tables are too far
    /// behind, or the attempt's first barrier has not been sent. That one brings every channel's
    /// word on splits and watermarks before any channel's rows, whose lateness depends on it.
    pub(crate) fn holds_rows(&self) -> bool {
        let has_begun = self.sent > 0 && self.orders.completed.load(Ordering::Acquire) > 0;
        !has_begun || self.orders.is_holding.load(Ordering::Acquire)
    }

    /// The next order, once each.
    pub(crate) fn next(&mut self) -> Option<HeadOrder> {
        let completed = self.orders.completed.load(Ordering::Acquire);
        if completed > self.completed {
            self.completed = completed;
            return Some(HeadOrder::Completed(CheckpointId(completed)));
        }
        let wanted = self.orders.wanted.load(Ordering::Acquire);
        if wanted <= self.sent {
            return None;
        }
        let kind = (*self.orders.kind.lock().unwrap_or_else(PoisonError::into_inner))?;
        self.sent = wanted;
        Some(HeadOrder::Barrier(CheckpointId(wanted), kind))
    }

    /// Tells, once, that the source has come to its end; true that time.
    pub(crate) fn exhaust(&mut self) -> bool {
        let is_first = !std::mem::replace(&mut self.is_exhausted, true);
        if is_first {
            self.orders.n_exhausted.fetch_add(1, Ordering::AcqRel);
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_follow_each_order_once() {
        let orders = Arc::new(Orders::default());
        let mut head = HeadBarriers::new(Arc::clone(&orders));
        assert!(head.holds_rows());
        assert_eq!(head.next(), None);
        orders.send_barrier(CheckpointId(3), BarrierKind::Periodic);
        let barrier = HeadOrder::Barrier(CheckpointId(3), BarrierKind::Periodic);
        assert_eq!((head.next(), head.next()), (Some(barrier), None));
        assert!(head.holds_rows());
        orders.complete(CheckpointId(3));
        assert_eq!(head.next(), Some(HeadOrder::Completed(CheckpointId(3))));
        assert!(!head.holds_rows());
    }

    #[test]
    fn rows_wait_for_the_first_barrier_of_a_restored_job() {
        let orders = Arc::new(Orders::default());
        orders.complete(CheckpointId(3));
        let mut head = HeadBarriers::new(Arc::clone(&orders));
        assert_eq!(head.next(), Some(HeadOrder::Completed(CheckpointId(3))));
        assert!(head.holds_rows());
        orders.send_barrier(CheckpointId(4), BarrierKind::Periodic);
        assert!(head.next().is_some());
        assert!(!head.holds_rows());
    }
}
