//! SIGINT and SIGTERM: the first asks jobs to end, the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::task::{TaskKind, spawn};
use argus_base::{Env, Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a job may take to end after the first signal. The contract says 15 s for everything.
const GRACE: Duration = Duration::from_secs(12);

/// Whether the process has been asked to end. Cloning shares it.
#[derive(Clone)]
pub struct StopRequest {
    asked: Arc<AtomicBool>,
    /// When the first signal came, on the clock of `env`.
    since: Arc<Mutex<Option<Duration>>>,
    env: Env,
}

impl StopRequest {
    /// Begins to listen.
    pub fn listen(env: &Env) -> Result<StopRequest> {
        let request = StopRequest::new(env);
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| Error::bug(error.to_string()).context("listen to signals"))?;
        let heard = request.clone();
        // Nobody joins the thread: it ends with the process.
        drop(spawn(TaskKind::Service, "signals", move || {
            for _signal in signals.forever() {
                if heard.is_asked() {
                    std::process::exit(i32::from(crate::failure::SUCCESS));
                }
                heard.ask();
            }
            Ok(())
        })?);
        Ok(request)
    }

    fn new(env: &Env) -> StopRequest {
        let (asked, since) = (Arc::default(), Arc::default());
        StopRequest { asked, since, env: env.clone() }
    }

    fn ask(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.env.elapsed());
        self.asked.store(true, Ordering::Release);
    }

    /// Whether a signal has come.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Whether a signal has come so long ago that nothing is waited for any more.
    pub fn is_overdue(&self) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| self.env.elapsed().saturating_sub(since) > GRACE)
    }
}
