//! A running job: the handle that watches and stops it, and the thread behind it, which runs the
//! job's slots, each on a thread of its own, and starts it anew after failures.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use argus_base::connector::{ConnectorContext, ConnectorFactory};
use argus_base::sink::Sink;
use argus_base::task::{Task, TaskKind, spawn};
use argus_base::{Error, Result};
use argus_plan::JobGraph;
use argus_state::storage::Storage;

use crate::checkpoint::{
    BarrierKind, CheckpointFacts, Facts, Orders, Requests, SavepointRequest, StartOptions,
};
use crate::control::Control;
use crate::life::{Life, Next};
use crate::slot::{Slot, SlotState};

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
    /// It was stopped after every window had fired; what they emitted is durable.
    Drained,
}

/// How a stopped job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// Windows that the watermark has not passed are not written; with checkpoints they go on
    /// with the next start.
    Keep,
    /// Every window fires before, where the job takes checkpoints and runs.
    Drain,
}

/// What is known of a running job.
#[derive(Clone, Debug, Default)]
pub struct JobStatus {
    /// Restarts in the process.
    pub n_restarts: u64,
    /// The last failure that was followed by a restart.
    pub last_failure: Option<String>,
    /// Its checkpoints.
    pub checkpoints: CheckpointFacts,
}

/// Shared by the handle and the job's own thread.
#[derive(Default)]
pub(crate) struct JobShared {
    pub requests: Arc<Requests>,
    pub abort: AtomicBool,
    /// The running attempt.
    pub running: Mutex<Option<Running>>,
    /// Whether what its checkpoints need is away.
    pub is_stalled: AtomicBool,
    pub facts: Arc<Facts>,
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
    control: JobControl,
    task: Option<Task<JobEnd>>,
}

/// Watches and stops a running job; harmless when it has ended. Cloning shares it.
#[derive(Clone)]
pub struct JobControl {
    shared: Arc<JobShared>,
    takes_checkpoints: bool,
}

/// A savepoint that has been asked for.
pub struct PendingSavepoint(Receiver<std::result::Result<String, String>>);

/// Starts a job. Tables are opened and servers reached by its threads: what is wrong shows up as
/// the job's failure.
pub fn start(graph: &JobGraph, parts: JobParts) -> Result<JobHandle> {
    let life = Life::new(graph, parts);
    let shared = Arc::clone(life.shared());
    let takes_checkpoints = life.takes_checkpoints();
    let task = spawn(TaskKind::Job, "job", move || run(life))?;
    Ok(JobHandle { control: JobControl::new(shared, takes_checkpoints), task: Some(task) })
}

impl JobHandle {
    /// What watches and stops the job.
    pub fn control(&self) -> &JobControl {
        &self.control
    }

    /// Whether every source has its positions, and all sinks and the checkpoint store are there.
    pub fn is_ready(&self) -> bool {
        self.control.is_ready()
    }

    /// Whether the job has ended.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(Task::is_finished)
    }

    /// Rounds of all slots so far. A number that does not grow for seconds is a slot that hangs.
    pub fn n_rounds(&self) -> u64 {
        self.control.shared.n_rounds()
    }

    /// Ends the job where it stands, or after every window has fired. What has been emitted is
    /// made durable, with checkpoints by a last one.
    pub fn stop(&self, kind: StopKind) {
        self.control.stop(kind);
    }

    /// Ends all slots at once; what is on its way may be lost.
    pub fn abort(&self) {
        self.control.abort();
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Result<JobEnd> {
        match self.task.take() {
            Some(task) => task.join(),
            None => Err(Error::bug("a job was waited for twice")),
        }
    }
}

impl JobControl {
    pub(crate) fn new(shared: Arc<JobShared>, takes_checkpoints: bool) -> JobControl {
        JobControl { shared, takes_checkpoints }
    }

    /// Whether every source has its positions and every sink is connected, now.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// What is known of it.
    pub fn status(&self) -> JobStatus {
        self.shared.status()
    }

    /// How often a checkpoint was restored, at the start and after restarts.
    pub fn n_restored(&self) -> u64 {
        self.shared.facts.n_restored()
    }

    /// Ends the job where it stands, or after every window has fired. What has been emitted is
    /// made durable, with checkpoints by a last one. Of several calls the first counts.
    pub fn stop(&self, kind: StopKind) {
        self.shared.stop(kind);
    }

    /// The same, with a savepoint of where it ends.
    pub fn stop_with_savepoint(&self, kind: StopKind, dir: Option<String>) -> PendingSavepoint {
        let (request, pending) = self.savepoint_request(dir);
        self.shared.requests.ask_stop(kind.into(), request);
        pending
    }

    /// Asks for a savepoint in a folder, or where the settings say.
    pub fn savepoint(&self, dir: Option<String>) -> PendingSavepoint {
        let (request, pending) = self.savepoint_request(dir);
        if let Some(request) = request {
            self.shared.requests.ask_savepoint(request);
        }
        pending
    }

    /// Ends all slots at once; what is on its way may be lost.
    pub fn abort(&self) {
        self.shared.abort();
    }

    fn savepoint_request(
        &self,
        dir: Option<String>,
    ) -> (Option<SavepointRequest>, PendingSavepoint) {
        let (answer, answered) = sync_channel(1);
        let request = SavepointRequest::new(dir, answer);
        let pending = PendingSavepoint(answered);
        if self.takes_checkpoints {
            return (Some(request), pending);
        }
        request.answer(Err("the job takes no checkpoints".to_owned()));
        (None, pending)
    }
}

impl PendingSavepoint {
    /// What [`wait`](PendingSavepoint::wait) gives, where it is known already; once.
    pub fn poll(&self) -> Option<std::result::Result<String, String>> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err("the job failed before".to_owned())),
        }
    }

    /// Waits for it: where it lies, or why there is none. The end of the job is an answer too.
    pub fn wait(self) -> std::result::Result<String, String> {
        self.0.recv().unwrap_or_else(|_| Err("the job failed before".to_owned()))
    }
}

impl From<StopKind> for BarrierKind {
    fn from(kind: StopKind) -> BarrierKind {
        match kind {
            StopKind::Keep => BarrierKind::Stop,
            StopKind::Drain => BarrierKind::Drain,
        }
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.abort();
    }
}

impl JobShared {
    pub(crate) fn status(&self) -> JobStatus {
        let last_failure = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        JobStatus {
            n_restarts: self.n_restarts.load(Ordering::Relaxed),
            last_failure: last_failure.clone(),
            checkpoints: self.facts.now(),
        }
    }

    pub(crate) fn stop(&self, kind: StopKind) {
        self.requests.ask_stop(kind.into(), None);
    }

    pub(crate) fn note_restart(&self, error: &Error) {
        self.n_restarts.fetch_add(1, Ordering::Relaxed);
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    pub(crate) fn is_ready(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ready = |state: &Arc<SlotState>| state.is_ready.load(Ordering::Acquire);
        let are_ready = running.as_ref().is_some_and(|now| now.states.iter().all(is_ready));
        are_ready && !self.is_stalled.load(Ordering::Acquire)
    }

    fn n_rounds(&self) -> u64 {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let states = running.iter().flat_map(|running| &running.states);
        let n_now: u64 = states.map(|state| state.n_rounds.load(Ordering::Relaxed)).sum();
        self.n_rounds.load(Ordering::Relaxed) + n_now
    }

    pub(crate) fn abort(&self) {
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

    /// Whoever waits for a server outside of the slots is alive.
    pub(crate) fn note_round(&self) {
        self.n_rounds.fetch_add(1, Ordering::Relaxed);
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
fn run(mut life: Life) -> Result<JobEnd> {
    loop {
        let outcome = life.begin().map(|(slots, control)| run_on_threads(slots, control).end());
        match life.end(outcome) {
            Next::End(result) => return result,
            Next::RestartAt(time, _) => life.sleep_until(time),
        }
    }
}

/// Runs every slot on a thread of its own, to the end of all of them.
fn run_on_threads(slots: Vec<Slot>, mut control: Control) -> Control {
    let mut tasks = Vec::new();
    for slot in slots {
        let name = format!("slot-{}", slot.index);
        match spawn(TaskKind::Slot, &name, move || slot.run()) {
            Ok(task) => tasks.push(task),
            Err(error) => control.fail(error),
        }
    }
    while !tasks.iter().all(Task::is_finished) {
        let next = control.step_beside_slots();
        control.wait_until(next);
    }
    for task in tasks {
        if let Err(error) = task.join() {
            control.fail(error);
        }
    }
    while let Some(next) = control.step_after_slots() {
        control.wait_until(next);
    }
    control
}
