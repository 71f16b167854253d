//! The life of a job in one process: attempts one after another, and what follows each.
//!
//! ```text
//! starting ──▶ running ──every slot ended──▶ finished
//!    ▲            │ failure inside the job
//!    └── pause ◀──┘ (restart strategy)      anything else ──▶ failed
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use argus_base::{Env, Error, ErrorKind, Result};
use argus_plan::JobGraph;
use argus_state::storage::Storage;

use crate::attempt::{Attempt, is_taken_over};
use crate::checkpoint::{BarrierKind, Coordinator, GIVEN_UP, StartOptions, given_up};
use crate::control::{Control, Outcome};
use crate::job::{JobEnd, JobParts, JobShared, Running};
use crate::metrics;
use crate::restart::Restarts;
use crate::slot::Slot;

/// A job and its attempts.
pub(crate) struct Life {
    graph: Arc<JobGraph>,
    parts: JobParts,
    shared: Arc<JobShared>,
    storage: Option<Arc<dyn Storage>>,
    restarts: Restarts,
    /// When the current attempt began.
    began: Duration,
}

/// What follows an attempt.
pub(crate) enum Next {
    /// The job has ended.
    End(Result<JobEnd>),
    /// Another attempt, then, on the clock of `Env::elapsed`; why.
    RestartAt(Duration, Error),
}

impl Life {
    pub(crate) fn new(graph: &JobGraph, parts: JobParts) -> Life {
        Life {
            graph: Arc::new(graph.clone()),
            shared: Arc::default(),
            storage: parts.storage.clone(),
            restarts: Restarts::new(graph.settings.restart),
            began: Duration::ZERO,
            parts,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<JobShared> {
        &self.shared
    }

    pub(crate) fn takes_checkpoints(&self) -> bool {
        self.graph.settings.checkpoints.is_some()
    }

    pub(crate) fn env(&self) -> &Env {
        &self.parts.context.env
    }

    /// Begins an attempt; may wait for servers.
    pub(crate) fn begin(&mut self) -> Result<(Vec<Slot>, Control)> {
        let stop = self.shared.requests.stop();
        if stop == Some(BarrierKind::Stop) && self.restarts.n_failures() > 0 {
            // What has been committed is all that there is to keep.
            return Err(given_up());
        }
        self.began = self.env().elapsed();
        let (slots, control) = self.attempt().prepare()?;
        let states = slots.iter().map(|slot| Arc::clone(&slot.state)).collect();
        self.shared.set_running(Some(Running { orders: Arc::clone(&control.orders), states }));
        Ok((slots, control))
    }

    /// An attempt is over, or could not begin.
    pub(crate) fn end(&mut self, outcome: Result<Outcome>) -> Next {
        self.shared.set_running(None);
        self.shared.is_stalled.store(false, Ordering::Release);
        let (failure, was_ready) = match outcome {
            Ok(Outcome { failure, coordinator, was_ready }) => {
                if coordinator.as_ref().is_some_and(Coordinator::has_committed) {
                    self.forget_start();
                }
                let name = |error| self.attempt().name_owner(error, coordinator.as_ref());
                (failure.map(name), was_ready)
            }
            Err(error) => (Some(error), false),
        };
        let is_aborted = self.shared.abort.load(Ordering::Acquire);
        // What was given up had not begun: there is nothing to be made durable.
        let counts = |error: &Error| !is_aborted && error.code() != GIVEN_UP;
        let Some(error) = failure.filter(counts) else {
            let is_stopped = is_aborted || self.shared.requests.stop().is_some();
            let end = if is_stopped { JobEnd::Stopped } else { JobEnd::Finished };
            return Next::End(Ok(self.shared.facts.end().filter(|_| !is_aborted).unwrap_or(end)));
        };
        // A server that was never there is the start's failure, not the job's.
        let is_start =
            error.kind() == ErrorKind::Transient && self.restarts.n_failures() == 0 && !was_ready;
        let pause = if is_start { None } else { self.pause(&error) };
        let Some(pause) = pause else { return Next::End(Err(error)) };
        tracing::warn!(code = error.code(), %error, ?pause, "the job failed and is restarted");
        self.shared.note_restart(&error);
        self.parts.context.is_restart = true;
        let labels = [("job", self.graph.settings.name.as_str())];
        self.parts.context.metrics.counter(&metrics::RESTARTS, &labels).add(1);
        Next::RestartAt(self.env().elapsed() + pause, error)
    }

    /// Holds the calling thread until then, or until the job is to end.
    pub(crate) fn sleep_until(&self, time: Duration) {
        let env = self.env();
        while env.elapsed() < time && !self.shared.is_given_up() {
            self.shared.note_round();
            env.sleep(Duration::from_millis(20).min(time.saturating_sub(env.elapsed())));
        }
    }

    fn attempt(&mut self) -> Attempt<'_> {
        Attempt {
            graph: &self.graph,
            parts: &self.parts,
            shared: &self.shared,
            storage: &mut self.storage,
        }
    }

    /// What the start asked for has been done.
    fn forget_start(&mut self) {
        let allow_state_loss = std::mem::take(&mut self.parts.start.allow_state_loss);
        self.parts.start = StartOptions { allow_state_loss, ..StartOptions::default() };
    }

    /// How long to wait before a restart; `None` where the failure is final.
    fn pause(&mut self, error: &Error) -> Option<Duration> {
        let may_pass = match error.kind() {
            ErrorKind::Bug | ErrorKind::Lost | ErrorKind::Fenced => !is_taken_over(error),
            ErrorKind::Transient => self.graph.settings.checkpoints.is_some(),
            ErrorKind::Data | ErrorKind::User | ErrorKind::Corrupt => false,
        };
        if !may_pass || self.shared.is_given_up() {
            return None;
        }
        let now = self.env().elapsed();
        self.restarts.after_failure(now, now.saturating_sub(self.began))
    }
}

impl Drop for Life {
    /// However the job ends, whoever waits for something of it is told.
    fn drop(&mut self) {
        self.shared.requests.close();
    }
}
