//! What goes on beside the slots of an attempt: its coordinator is stepped, orders reach the
//! slots, and the first failure of any of them becomes the attempt's.
//!
//! ```text
//! slots run ──all have ended──▶ the last checkpoint is committed ──▶ ended
//!     └──────── a failure, or an abort: nothing more is committed ─────▲
//! ```
//! Whoever drives an attempt steps this and the slots in turn, on threads of their own or not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use argus_base::{Env, Error};

use crate::checkpoint::{Coordinator, GIVEN_UP, Mailbox, Orders, Pause};
use crate::job::JobShared;

/// First pause between two looks at the slots; a job of a few rows ends at once.
const SHORT_PAUSE: Duration = Duration::from_micros(200);
/// Longest time between two looks at the slots.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// What goes on beside the slots.
pub(crate) struct Control {
    env: Env,
    shared: Arc<JobShared>,
    pub orders: Arc<Orders>,
    mailbox: Arc<Mailbox>,
    coordinator: Option<Coordinator>,
    /// How long to wait where only the slots know what comes.
    pause: Duration,
    was_ready: bool,
    failure: Option<Error>,
}

/// How an attempt went.
pub(crate) struct Outcome {
    /// The first failure; slots that ended because another failed have none.
    pub failure: Option<Error>,
    /// It can still tell who owns the store.
    pub coordinator: Option<Coordinator>,
    /// Whether every server was there at some time.
    pub was_ready: bool,
}

impl Control {
    pub(crate) fn new(
        env: Env,
        shared: Arc<JobShared>,
        orders: Arc<Orders>,
        mailbox: Arc<Mailbox>,
        coordinator: Option<Coordinator>,
    ) -> Control {
        let (pause, was_ready, failure) = (SHORT_PAUSE, false, None);
        Control { env, shared, orders, mailbox, coordinator, pause, was_ready, failure }
    }

    /// Takes a step while slots run. Returns when to take the next, unless the mailbox rings.
    pub(crate) fn step_beside_slots(&mut self) -> Duration {
        let now = self.env.elapsed();
        let idle_until = now + self.pause;
        self.pause = (self.pause * 2).min(LOOK_INTERVAL);
        if self.shared.abort.load(Ordering::Acquire) {
            self.orders.abort();
        }
        let is_ready = self.shared.is_ready();
        self.was_ready |= is_ready;
        let is_aborted = self.orders.abort.load(Ordering::Acquire);
        let Some(coordinator) = self.coordinator.as_mut().filter(|_| !is_aborted) else {
            if self.shared.requests.stop().is_some() {
                self.orders.stop.store(true, Ordering::Release);
            }
            return idle_until;
        };
        self.shared.requests.set_ready(is_ready);
        let step = coordinator.step();
        self.shared.is_stalled.store(coordinator.is_stalled(), Ordering::Release);
        match step {
            Ok(Pause::None) => now,
            Ok(Pause::Until(time)) => time.min(now + LOOK_INTERVAL),
            Ok(Pause::Finished) => now + Duration::from_millis(1),
            Err(error) => {
                self.fail(error);
                now
            }
        }
    }

    /// Takes a step once every slot has ended: what is left is to commit the last checkpoint.
    /// Returns when to take the next; `None` once nothing is left to do.
    pub(crate) fn step_after_slots(&mut self) -> Option<Duration> {
        if self.failure.is_some() || self.orders.abort.load(Ordering::Acquire) {
            return None;
        }
        let coordinator = self.coordinator.as_mut()?;
        self.shared.note_round();
        match coordinator.step() {
            Ok(Pause::Finished) => return None,
            Ok(Pause::None) => return Some(self.env.elapsed()),
            Ok(Pause::Until(time)) if !self.shared.abort.load(Ordering::Acquire) => {
                return Some(time);
            }
            Ok(Pause::Until(_)) => {
                self.fail(Error::transient(GIVEN_UP, "the job was aborted"));
            }
            Err(error) => self.fail(error),
        }
        None
    }

    /// Something failed: the slots are to end.
    pub(crate) fn fail(&mut self, error: Error) {
        self.orders.abort();
        self.failure.get_or_insert(error);
    }

    /// Holds the calling thread until then, or until the mailbox rings.
    pub(crate) fn wait_until(&self, time: Duration) {
        let pause = time.saturating_sub(self.env.elapsed());
        if !pause.is_zero() {
            self.mailbox.waker.wait(pause);
        }
    }

    /// The attempt is over.
    pub(crate) fn end(self) -> Outcome {
        let Control { failure, coordinator, was_ready, .. } = self;
        Outcome { failure, coordinator, was_ready }
    }
}
