//! The workers of a world: processes that run the job, of which there should be one.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use argus_base::{Error, Result};
use argus_engine::JobEnd;
use argus_engine::stepped::{StepId, Stepped, SteppedJob};

use crate::world::World;

/// A worker's number, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkerId(pub u64);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}", self.0)
    }
}

/// What a dying worker unwinds with.
pub struct Crash;

/// The workers that live.
#[derive(Default)]
pub struct Crew {
    seats: BTreeMap<WorkerId, Seat>,
    n_workers: u64,
    /// How workers have ended by themselves since this was last asked for.
    ended: Vec<(WorkerId, Result<JobEnd>)>,
    /// Steps without effect since the last one with.
    pub n_idle: u64,
}

/// A place for a worker.
struct Seat {
    /// `None` while it takes a step.
    job: Option<Box<SteppedJob>>,
    /// It was killed while it took a step, and dies as soon as it goes on.
    is_doomed: bool,
    asleep_until: Duration,
}

impl Crew {
    /// The number of the next worker.
    pub fn hire(&mut self) -> WorkerId {
        self.n_workers += 1;
        WorkerId(self.n_workers)
    }

    /// How many workers there have been.
    pub fn n_hired(&self) -> u64 {
        self.n_workers
    }

    /// Nobody works any more. The jobs are given back, to be dropped where no lock is held.
    #[must_use]
    pub fn dismiss(&mut self) -> Vec<SteppedJob> {
        let seats = std::mem::take(&mut self.seats);
        seats.into_values().filter_map(|seat| seat.job).map(|job| *job).collect()
    }

    /// A worker begins.
    pub fn seat(&mut self, worker: WorkerId, job: SteppedJob) {
        let job = Some(Box::new(job));
        self.seats.insert(worker, Seat { job, is_doomed: false, asleep_until: Duration::ZERO });
    }

    /// Workers that live, oldest first.
    pub fn alive(&self) -> Vec<WorkerId> {
        self.seats.iter().filter(|(_, seat)| !seat.is_doomed).map(|(id, _)| *id).collect()
    }

    /// Whether it was killed.
    pub fn is_doomed(&self, worker: WorkerId) -> bool {
        self.seats.get(&worker).is_some_and(|seat| seat.is_doomed)
    }

    /// It stands still until then.
    pub fn pause(&mut self, worker: WorkerId, until: Duration) {
        if let Some(seat) = self.seats.get_mut(&worker) {
            seat.asleep_until = until;
        }
    }

    /// Everybody goes on.
    pub fn wake_all(&mut self) {
        self.seats.values_mut().for_each(|seat| seat.asleep_until = Duration::ZERO);
    }

    /// Kills it, now or as soon as it goes on. The dead job is given back, to be dropped where no
    /// lock is held.
    #[must_use]
    pub fn kill(&mut self, worker: WorkerId) -> Option<Box<SteppedJob>> {
        let seat = self.seats.get_mut(&worker)?;
        seat.is_doomed = true;
        let job = seat.job.take()?;
        self.seats.remove(&worker);
        Some(job)
    }

    /// Does something with a worker that is not taking a step.
    pub fn with<T>(&self, worker: WorkerId, act: impl FnOnce(&SteppedJob) -> T) -> Option<T> {
        Some(act(self.seats.get(&worker)?.job.as_ref()?))
    }

    /// How workers have ended by themselves since this was last asked for.
    pub fn take_ended(&mut self) -> Vec<(WorkerId, Result<JobEnd>)> {
        std::mem::take(&mut self.ended)
    }

    /// Workers that may take a step at that time.
    fn awake(&self, now: Duration) -> Vec<WorkerId> {
        let is_awake = |seat: &Seat| seat.job.is_some() && seat.asleep_until <= now;
        self.seats.iter().filter(|(_, seat)| is_awake(seat)).map(|(id, _)| *id).collect()
    }

    fn take(&mut self, worker: WorkerId) -> Option<Box<SteppedJob>> {
        self.seats.get_mut(&worker)?.job.take()
    }

    /// A step is over. Gives a job back that is no more.
    fn give_back(&mut self, worker: WorkerId, job: Box<SteppedJob>) -> Option<Box<SteppedJob>> {
        let Some(seat) = self.seats.get_mut(&worker).filter(|seat| !seat.is_doomed) else {
            self.seats.remove(&worker);
            return Some(job);
        };
        seat.job = Some(job);
        None
    }
}

impl World {
    /// Lets any worker take a step, whoever can.
    pub fn step_one(self: &Arc<World>) -> bool {
        self.step_of(|_| true)
    }

    /// Lets another worker than this take a step.
    pub fn step_another(self: &Arc<World>, than: WorkerId) -> bool {
        self.step_of(|worker| worker != than)
    }

    fn step_of(self: &Arc<World>, may: impl Fn(WorkerId) -> bool) -> bool {
        let mut awake = self.crew().awake(self.time.passed());
        awake.retain(|worker| may(*worker));
        if awake.is_empty() {
            return false;
        }
        let worker = self.draw(|dice| dice.pick(&awake));
        let Some(mut job) = self.crew().take(worker) else { return false };
        let steps = job.steps();
        let step = self.draw(|dice| dice.pick(&steps));
        let stepped = catch_unwind(AssertUnwindSafe(|| job.step(step)));
        match stepped {
            Ok(stepped) => self.after_step(worker, job, step, stepped),
            Err(payload) => {
                let dead = self.crew().kill_seat(worker);
                drop((dead, job));
                if !payload.is::<Crash>() {
                    self.find(format!("{worker} panicked in {step:?}"));
                }
            }
        }
        true
    }

    fn after_step(
        self: &Arc<World>,
        worker: WorkerId,
        job: Box<SteppedJob>,
        step: StepId,
        stepped: Stepped,
    ) {
        let mut crew = self.crew();
        match &stepped {
            Stepped::Idle => crew.n_idle += 1,
            Stepped::Made | Stepped::Failed(_) | Stepped::Ended(_) => crew.n_idle = 0,
        }
        let dead = match stepped {
            Stepped::Ended(result) => {
                crew.seats.remove(&worker);
                crew.ended.push((worker, result));
                Some(job)
            }
            Stepped::Failed(error) => {
                let dead = crew.give_back(worker, job);
                drop(crew);
                self.judge_restart(worker, &error);
                drop(dead);
                return;
            }
            Stepped::Made if step == StepId::Begin => {
                drop(crew);
                self.note(&format!("{worker} runs"));
                crew = self.crew();
                crew.give_back(worker, job)
            }
            Stepped::Made | Stepped::Idle => crew.give_back(worker, job),
        };
        drop(crew);
        drop(dead);
    }

    /// A job was restarted inside its worker: some failures must not be.
    fn judge_restart(&self, worker: WorkerId, error: &Error) {
        self.note(&format!("{worker} restarts: {} {error}", error.code()));
        if error.kind() == argus_base::ErrorKind::Bug {
            self.find(format!("{worker} met a bug: {error}"));
        }
    }
}

impl Crew {
    fn kill_seat(&mut self, worker: WorkerId) -> Option<Box<SteppedJob>> {
        self.seats.remove(&worker)?.job
    }
}
