//! A running job: the handle that watches and stops it, and the thread behind it, which starts the
//! job's slots, drives its checkpoints, and starts it anew after failures.
//!
//! ```text
//! starting ──▶ running ──every slot ended──▶ finished
//!    ▲            │ failure inside the job
//!    └── pause ◀──┘ (restart strategy)      anything else ──▶ failed
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::connector::{ConnectorContext, ConnectorFactory};
use argus_base::sink::Sink;
use argus_base::task::{Task, TaskKind, spawn};
use argus_base::{Error, ErrorKind, Result};
use argus_plan::JobGraph;
use argus_state::storage::Storage;

use crate::attempt::Attempt;
use crate::checkpoint::{BarrierKind, Completed, Orders, Requests, SavepointRequest, StartOptions};
use crate::metrics;
use crate::restart::Restarts;
use crate::slot::SlotState;

/// What a job needs besides its graph.
pub struct JobParts {
    /// Opens the tables.
    pub factory: Arc<dyn ConnectorFactory>,
    /// What connectors get to know of the job.
    pub context: ConnectorContext,
    /// Where a SELECT's rows go. Must be there when the graph ends in `Operator::Collect`.
    pub collect: Option<Arc<dyn Sink>>,
    /// How it begins, where it takes checkpoints.
    pub start: StartOptions,
    /// The checkpoint store, where it is not the one that the settings name.
    pub storage: Option<Arc<dyn Storage>>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Every source ended by itself and every row is durable.
    Finished,
    /// It was stopped; what had been emitted is durable.
    Stopped,
}

/// How a stopped job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// Windows that the watermark has not passed are not written; with checkpoints they go on
    /// with the next start.
    Keep,
    /// Every window fires before.
    Drain,
}

/// What is known of a running job.
#[derive(Clone, Debug, Default)]
pub struct JobStatus {
    /// Restarts in the process.
    pub n_restarts: u64,
    /// The last failure that was followed by a restart.
    pub last_failure: Option<String>,
    /// The last checkpoint.
    pub last_checkpoint: Option<Completed>,
}

/// Shared by the handle and the job's own thread.
#[derive(Default)]
pub(crate) struct JobShared {
    pub requests: Arc<Requests>,
    pub abort: AtomicBool,
    /// The running attempt.
    pub running: Mutex<Option<Running>>,
    pub last_checkpoint: Arc<Mutex<Option<Completed>>>,
    last_failure: Mutex<Option<String>>,
    n_restarts: AtomicU64,
    n_rounds: AtomicU64,
}

/// The attempt that runs.
pub(crate) struct Running {
    pub orders: Arc<Orders>,
    pub states: Vec<Arc<SlotState>>,
}

/// A running job. Dropping the handle aborts it.
pub struct JobHandle {
    shared: Arc<JobShared>,
    task: Option<Task<JobEnd>>,
}

/// Starts a job. Tables are opened and servers reached by its threads: what is wrong shows up as
/// the job's failure.
pub fn start(graph: &JobGraph, parts: JobParts) -> Result<JobHandle> {
    let shared = Arc::new(JobShared::default());
    let job = Job { graph: Arc::new(graph.clone()), parts, shared: Arc::clone(&shared) };
    let task = spawn(TaskKind::Job, "job", move || job.run())?;
    Ok(JobHandle { shared, task: Some(task) })
}

impl JobHandle {
    /// Whether every source has its positions and every sink is connected, now.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// Whether the job has ended.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(Task::is_finished)
    }

    /// Rounds of all slots so far. A number that does not grow for seconds is a slot that hangs.
    pub fn n_rounds(&self) -> u64 {
        self.shared.n_rounds()
    }

    /// What is known of it.
    pub fn status(&self) -> JobStatus {
        let lock = |text: &Mutex<Option<String>>| {
            text.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        let last = &self.shared.last_checkpoint;
        JobStatus {
            n_restarts: self.shared.n_restarts.load(Ordering::Relaxed),
            last_failure: lock(&self.shared.last_failure),
            last_checkpoint: *last.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Ends the job where it stands, or after every window has fired. What has been emitted is
    /// made durable, with checkpoints by a last one.
    pub fn stop(&self, kind: StopKind) {
        self.shared.requests.ask_stop(match kind {
            StopKind::Keep => BarrierKind::Stop,
            StopKind::Drain => BarrierKind::Drain,
        });
    }

    /// Takes a savepoint into a folder, or where the settings say, and waits for it. Returns where
    /// it lies, or why there is none.
    pub fn savepoint(&self, dir: Option<String>) -> std::result::Result<String, String> {
        let (answer, answered) = sync_channel(1);
        self.shared.requests.ask_savepoint(SavepointRequest::new(dir, answer));
        answered.recv().unwrap_or_else(|_| Err("the job ended before".to_owned()))
    }

    /// Ends all slots at once; what is on its way may be lost.
    pub fn abort(&self) {
        self.shared.abort();
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Result<JobEnd> {
        match self.task.take() {
            Some(task) => task.join(),
            None => Err(Error::bug("a job was waited for twice")),
        }
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.abort();
    }
}

impl JobShared {
    pub(crate) fn is_ready(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ready = |state: &Arc<SlotState>| state.is_ready.load(Ordering::Acquire);
        running.as_ref().is_some_and(|running| running.states.iter().all(is_ready))
    }

    fn n_rounds(&self) -> u64 {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let states = running.iter().flat_map(|running| &running.states);
        let n_now: u64 = states.map(|state| state.n_rounds.load(Ordering::Relaxed)).sum();
        self.n_rounds.load(Ordering::Relaxed) + n_now
    }

    fn abort(&self) {
        self.abort.store(true, Ordering::Release);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref() {
            running.orders.abort();
        }
    }

    /// Whether waiting for servers at the start is to be given up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.abort.load(Ordering::Acquire) || self.requests.stop().is_some()
    }

    pub(crate) fn set_running(&self, now: Option<Running>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let states = running.iter().flat_map(|running| &running.states);
        let n_before: u64 = states.map(|state| state.n_rounds.load(Ordering::Relaxed)).sum();
        self.n_rounds.fetch_add(n_before + 1, Ordering::Relaxed);
        *running = now;
    }
}

/// The job's own thread.
struct Job {
    graph: Arc<JobGraph>,
    parts: JobParts,
    shared: Arc<JobShared>,
}

impl Job {
    fn run(mut self) -> Result<JobEnd> {
        let env = self.parts.context.env.clone();
        let mut restarts = Restarts::new(self.graph.settings.restart);
        let mut storage = self.parts.storage.clone();
        loop {
            let began = env.elapsed();
            let mut attempt = Attempt {
                graph: &self.graph,
                parts: &self.parts,
                shared: &self.shared,
                storage: &mut storage,
                is_restart: restarts.n_failures() > 0,
                has_committed: false,
                was_ready: false,
            };
            let result = attempt.run();
            let (has_committed, was_ready) = (attempt.has_committed, attempt.was_ready);
            self.shared.set_running(None);
            let error = match result {
                Ok(end) => return Ok(end),
                Err(_) if self.shared.abort.load(Ordering::Acquire) => return Ok(JobEnd::Stopped),
                Err(error) => error,
            };
            if has_committed {
                // What the start asked for has been done.
                self.parts.start = StartOptions {
                    allow_state_loss: std::mem::take(&mut self.parts.start.allow_state_loss),
                    ..StartOptions::default()
                };
            }
            // A server that was never there is the start's failure, not the job's.
            let is_start =
                error.kind() == ErrorKind::Transient && restarts.n_failures() == 0 && !was_ready;
            if is_start {
                return Err(error);
            }
            let ran = env.elapsed().saturating_sub(began);
            let Some(pause) = self.pause(&error, &mut restarts, ran) else { return Err(error) };
            tracing::warn!(%error, ?pause, "the job failed and is restarted");
            self.note_restart(&error);
            self.sleep(pause);
        }
    }

    /// How long to wait before a restart; `None` where the failure is final.
    fn pause(&self, error: &Error, restarts: &mut Restarts, ran: Duration) -> Option<Duration> {
        let may_pass = match error.kind() {
            ErrorKind::Bug | ErrorKind::Fenced => !crate::attempt::is_taken_over(error),
            ErrorKind::Transient => self.graph.settings.checkpoints.is_some(),
            ErrorKind::Data | ErrorKind::User | ErrorKind::Corrupt => false,
        };
        let is_stopping = self.shared.is_given_up();
        if !may_pass || is_stopping {
            return None;
        }
        restarts.after_failure(self.parts.context.env.elapsed(), ran)
    }

    fn note_restart(&self, error: &Error) {
        self.shared.n_restarts.fetch_add(1, Ordering::Relaxed);
        *self.shared.last_failure.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(error.to_string());
        let labels = [("job", self.graph.settings.name.as_str())];
        self.parts.context.metrics.counter(&metrics::RESTARTS, &labels).add(1);
    }

    fn sleep(&self, pause: Duration) {
        let env = &self.parts.context.env;
        let until = env.elapsed() + pause;
        while env.elapsed() < until && !self.shared.is_given_up() {
            env.sleep(Duration::from_millis(20).min(until.saturating_sub(env.elapsed())));
        }
    }
}
