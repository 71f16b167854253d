//! Stays with a running job: announces it, lets others reach it, reports progress, passes signals
//! on, waits for its end.

use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::time::Duration;

use argus_base::metrics::Registry;
use argus_base::{Env, Result};
use argus_engine::job::{JobEnd, JobHandle};

use crate::control::Reach;
use crate::failure::eprint_quietly;
use crate::output::Printer;
use crate::progress::Progress;
use crate::service::health::Health;
use crate::signal::StopRequest;

/// First pause between two looks at the job; a job of a few rows ends at once.
const SHORT_PAUSE: Duration = Duration::from_millis(1);
/// Longest pause between two looks.
const LONG_PAUSE: Duration = Duration::from_millis(25);
/// Rows wait no longer than this for the line that announces the job: a server may be away.
const LONGEST_HOLD: Duration = Duration::from_millis(500);

/// What is around a job.
pub struct Watch<'a> {
    /// Time.
    pub env: &'a Env,
    /// The job's own metrics.
    pub metrics: &'a Registry,
    /// Whether the process has been asked to end.
    pub stop: &'a StopRequest,
    /// What the server tells about the job.
    pub health: &'a Health,
    /// `pipeline.name`.
    pub job_name: &'a str,
    /// Slots.
    pub parallelism: usize,
    /// Where metrics are served, if they are.
    pub address: Option<SocketAddr>,
    /// Whether the job's rows are printed on standard output.
    pub prints_rows: bool,
}

impl Watch<'_> {
    /// Waits for the end of the job. A job that does not end in time after a signal is left behind
    /// with a warning: the process ends, and it with it.
    ///
    /// `rows` keeps rows from being printed until the job is announced, for [`LONGEST_HOLD`] at
    /// most.
    pub fn wait(
        &self,
        handle: JobHandle,
        mut rows: Option<MutexGuard<'_, Printer>>,
        reach: &mut Reach,
    ) -> Result<JobEnd> {
        self.health.begin_job(self.metrics);
        let mut progress = Progress::new(self.env, self.metrics, self.job_name, self.prints_rows);
        let mut seen = Seen::default();
        let mut pause = SHORT_PAUSE;
        let began = self.env.elapsed();
        while !handle.is_finished() {
            self.look(&handle, &mut seen);
            reach.look(handle.control());
            if seen.is_announced || self.env.elapsed() - began > LONGEST_HOLD {
                rows = None;
            }
            progress.tick();
            if self.stop.is_overdue() {
                let last = handle.control().status().checkpoints.manifest;
                let checkpoint = last.map(|manifest| manifest.checkpoint.0);
                let message = "the job did not end in time after a signal; it goes on from its \
                               last checkpoint when it is started again";
                tracing::warn!(job = self.job_name, checkpoint, "{message}");
                return Ok(JobEnd::Stopped);
            }
            self.env.sleep(pause);
            pause = (pause * 2).min(LONG_PAUSE);
        }
        drop(rows);
        progress.finish();
        self.health.set_ready(false);
        let restored = self.restored(&handle, &mut seen);
        let end = handle.wait()?;
        restored.into_iter().for_each(|line| eprint_quietly(&line));
        if !seen.is_announced && end == JobEnd::Finished {
            // It ended between two looks.
            self.announce();
        }
        Ok(end)
    }

    fn look(&self, handle: &JobHandle, seen: &mut Seen) {
        let is_ready = handle.is_ready();
        if is_ready {
            self.restored(handle, seen).into_iter().for_each(|line| eprint_quietly(&line));
        }
        // Whoever has read that it runs may ask at once.
        self.health.set_ready(is_ready);
        if is_ready && !seen.is_announced && !self.stop.is_asked() {
            seen.is_announced = true;
            self.announce();
        }
        if let Some(kind) = self.stop.kind()
            && !seen.is_stopped
        {
            seen.is_stopped = true;
            if seen.is_announced {
                handle.stop(kind);
            } else {
                // It still waits for a server: there is nothing that could be written in time.
                handle.abort();
            }
        }
        let n_rounds = handle.n_rounds();
        if n_rounds != seen.n_rounds {
            seen.n_rounds = n_rounds;
            self.health.progressed();
        }
    }

    /// The line that says from which checkpoint the job goes on, where it has not been said since
    /// the start or the last restart.
    fn restored(&self, handle: &JobHandle, seen: &mut Seen) -> Option<String> {
        let n_restored = handle.control().n_restored();
        if n_restored == seen.n_restored {
            return None;
        }
        seen.n_restored = n_restored;
        let checkpoint = handle.control().status().checkpoints.restored?.0;
        Some(format!("argus: restored job={} checkpoint={checkpoint}\n", self.job_name))
    }

    fn announce(&self) {
        let metrics = self.address.map_or_else(|| "off".to_owned(), |at| at.to_string());
        let (name, parallelism) = (self.job_name, self.parallelism);
        let line =
            format!("argus: running job={name} parallelism={parallelism} metrics={metrics}\n");
        eprint_quietly(&line);
    }
}

#[derive(Default)]
struct Seen {
    is_announced: bool,
    is_stopped: bool,
    n_rounds: u64,
    n_restored: u64,
}
