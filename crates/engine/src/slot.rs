//! A slot: one OS thread that steps its fragments, downstream first, and sleeps when none of them
//! can go on.
//!
//! Its turns are the only scheduler, whoever takes them. They end when all its fragments have
//! finished, when the job is aborted, or when one of its fragments fails, which aborts the job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use argus_base::metrics::{Counter, Registry};
use argus_base::{Env, Result};

use crate::checkpoint::Orders;
use crate::exchange::Waker;
use crate::fragment::{Fragment, Progress};
use crate::metrics;

/// Shortest and longest sleep while nothing is ready. Exchanges ring; sources and sinks are asked
/// again after that long.
const SLEEP: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(4));
/// Least wall-clock time between two looks at readiness.
const READY_INTERVAL: Duration = Duration::from_millis(20);

/// What a slot shares with the rest of the process.
#[derive(Default)]
pub(crate) struct SlotState {
    /// Every source has its positions and every sink is connected.
    pub is_ready: AtomicBool,
    /// Steps and sleeps taken: proof of life.
    pub n_rounds: AtomicU64,
}

/// A slot about to run.
pub(crate) struct Slot {
    pub index: usize,
    pub fragments: Vec<Fragment>,
    pub waker: Arc<Waker>,
    pub state: Arc<SlotState>,
    pub orders: Arc<Orders>,
    pub env: Env,
    pub times: SlotTimes,
    pub stage: Stage,
    /// When readiness was looked at last.
    pub looked_at: Option<Duration>,
}

/// How far a slot has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The state of a former life is not loaded yet.
    New,
    Running,
    /// Its sources have been told to end.
    Stopping,
}

/// Where the time of a slot goes.
pub(crate) struct SlotTimes {
    busy: Counter,
    back_pressured: Counter,
    idle: Counter,
    /// Not yet counted, since counters have whole milliseconds.
    rest: [Duration; 3],
}

impl SlotTimes {
    pub(crate) fn new(registry: &Registry, job: &str, slot: usize) -> SlotTimes {
        let slot = slot.to_string();
        let labels = [("job", job), ("slot", slot.as_str())];
        SlotTimes {
            busy: registry.counter(&metrics::BUSY, &labels),
            back_pressured: registry.counter(&metrics::BACK_PRESSURED, &labels),
            idle: registry.counter(&metrics::IDLE, &labels),
            rest: [Duration::ZERO; 3],
        }
    }

    fn spend(&mut self, progress: Progress, time: Duration) {
        let (counter, rest) = match progress {
            Progress::Made => (&self.busy, 0),
            Progress::Blocked => (&self.back_pressured, 1),
            Progress::Idle | Progress::Finished => (&self.idle, 2),
        };
        self.rest[rest] += time;
        let millis = self.rest[rest].as_millis();
        counter.add(u64::try_from(millis).unwrap_or(u64::MAX));
        self.rest[rest] -= Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
    }
}

/// Aborts the job when a slot ends by a failure or a panic: the others would go on for ever.
struct AbortGuard {
    orders: Arc<Orders>,
    is_armed: bool,
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if self.is_armed {
            self.orders.abort();
        }
    }
}

impl Slot {
    /// Runs to the end.
    pub(crate) fn run(mut self) -> Result<()> {
        let mut guard = AbortGuard { orders: self.orders.clone(), is_armed: true };
        let mut sleep = SLEEP.0;
        let mut then = self.env.elapsed();
        loop {
            let progress = self.turn()?;
            match progress {
                Progress::Finished => break,
                Progress::Made => sleep = SLEEP.0,
                Progress::Idle | Progress::Blocked => {
                    self.waker.wait(sleep);
                    sleep = (sleep * 2).min(SLEEP.1);
                }
            }
            let now = self.env.elapsed();
            self.times.spend(progress, now.saturating_sub(then));
            then = now;
        }
        guard.is_armed = false;
        Ok(())
    }

    /// Goes once over everything the slot has to do. The first turn loads the state of a former
    /// life, and may take long.
    pub(crate) fn turn(&mut self) -> Result<Progress> {
        if self.stage == Stage::New {
            self.stage = Stage::Running;
            self.fragments.iter_mut().try_for_each(Fragment::load)?;
        }
        if self.orders.abort.load(Ordering::Acquire) {
            return Ok(Progress::Finished);
        }
        self.state.n_rounds.fetch_add(1, Ordering::Relaxed);
        if self.orders.stop.load(Ordering::Acquire) && self.stage == Stage::Running {
            self.stage = Stage::Stopping;
            self.fragments.iter_mut().for_each(Fragment::stop);
        }
        let progress = self.round()?;
        let now = self.env.elapsed();
        let is_due = self.looked_at.is_none_or(|at| now.saturating_sub(at) >= READY_INTERVAL);
        if is_due || progress == Progress::Finished {
            self.looked_at = Some(now);
            self.look_at_readiness();
        }
        Ok(progress)
    }

    /// Steps every fragment once, those nearest to the sinks first.
    fn round(&mut self) -> Result<Progress> {
        let mut round = Progress::Finished;
        for fragment in self.fragments.iter_mut().rev() {
            let progress = fragment.step()?;
            round = match (round, progress) {
                (Progress::Made, _) | (_, Progress::Made) => Progress::Made,
                (Progress::Blocked, _) | (_, Progress::Blocked) => Progress::Blocked,
                (Progress::Finished, Progress::Finished) => Progress::Finished,
                _ => Progress::Idle,
            };
        }
        Ok(round)
    }

    fn look_at_readiness(&mut self) {
        let is_ready = self.fragments.iter_mut().all(Fragment::is_ready);
        self.state.is_ready.store(is_ready, Ordering::Release);
    }
}
