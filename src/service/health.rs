//! The facts behind `/metrics`, `/healthz` and `/readyz`: written by the thread that watches the
//! job, read by the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::Env;
use argus_base::metrics::Registry;

/// The watching thread must have seen progress within this time.
const MOST_SILENCE: Duration = Duration::from_secs(30);

/// Shared facts. Cloning shares them.
#[derive(Clone)]
pub struct Health {
    env: Env,
    facts: Arc<Facts>,
}

#[derive(Default)]
struct Facts {
    is_ready: AtomicBool,
    /// On the clock of `env`.
    progress_ms: AtomicU64,
    metrics: Mutex<Registry>,
}

impl Health {
    /// Alive and not ready.
    pub fn new(env: &Env) -> Health {
        let health = Health { env: env.clone(), facts: Arc::default() };
        health.progressed();
        health
    }

    /// Says that a job begins, and where its metrics are. A script's jobs follow one another,
    /// each with metrics of its own, so that none of a finished job stand still for ever.
    pub fn begin_job(&self, metrics: &Registry) {
        *self.facts.metrics.lock().unwrap_or_else(PoisonError::into_inner) = metrics.clone();
        self.set_ready(false);
        self.progressed();
    }

    /// The metrics of the job that runs, or of the last one.
    pub fn metrics(&self) -> Registry {
        self.facts.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that the job's threads have made progress.
    pub fn progressed(&self) {
        self.facts.progress_ms.store(self.now_ms(), Ordering::Release);
    }

    /// Says whether every source has its positions and every sink is connected.
    pub fn set_ready(&self, is_ready: bool) {
        self.facts.is_ready.store(is_ready, Ordering::Release);
    }

    /// Whether the process can do its work now.
    pub fn is_ready(&self) -> bool {
        self.facts.is_ready.load(Ordering::Acquire)
    }

    /// Whether the job's threads still make progress.
    pub fn is_alive(&self) -> bool {
        let silence = self.now_ms().saturating_sub(self.facts.progress_ms.load(Ordering::Acquire));
        Duration::from_millis(silence) < MOST_SILENCE
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.env.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
