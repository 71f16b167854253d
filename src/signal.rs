//! What ends a process early: SIGINT, SIGTERM, and `argus stop`. The first signal asks jobs to end,
//! the second ends the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argus_base::task::{TaskKind, spawn};
use argus_base::{Env, Error, Result};
use argus_engine::StopKind;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a job may take to end after the first signal. The contract says 15 s for everything.
const GRACE: Duration = Duration::from_secs(12);

/// Whether the process has been asked to end. Cloning shares it.
#[derive(Clone)]
pub struct StopRequest {
    asked: Arc<Mutex<Asked>>,
    env: Env,
}

#[derive(Default)]
struct Asked {
    /// How jobs are to end: as the first who asked said.
    kind: Option<StopKind>,
    /// When the first signal came, on the clock of `env`.
    signalled: Option<Duration>,
}

impl StopRequest {
    /// Begins to listen to signals.
    pub fn listen(env: &Env) -> Result<StopRequest> {
        let request = StopRequest { asked: Arc::default(), env: env.clone() };
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| Error::bug(error.to_string()).context("listen to signals"))?;
        let heard = request.clone();
        // Nobody joins the thread: it ends with the process.
        drop(spawn(TaskKind::Service, "signals", move || {
            for _signal in signals.forever() {
                if !heard.signal() {
                    std::process::exit(i32::from(crate::failure::SUCCESS));
                }
            }
            Ok(())
        })?);
        Ok(request)
    }

    /// Asks jobs to end, without haste.
    pub fn ask(&self, kind: StopKind) {
        self.lock().kind.get_or_insert(kind);
    }

    /// Notes a signal; false where it is not the first.
    fn signal(&self) -> bool {
        let mut asked = self.lock();
        asked.kind.get_or_insert(StopKind::Keep);
        let is_first = asked.signalled.is_none();
        asked.signalled.get_or_insert(self.env.elapsed());
        is_first
    }

    /// How jobs are to end, if they are.
    pub fn kind(&self) -> Option<StopKind> {
        self.lock().kind
    }

    /// Whether jobs are to end.
    pub fn is_asked(&self) -> bool {
        self.kind().is_some()
    }

    /// Whether a signal has come so long ago that nothing is waited for any more.
    pub fn is_overdue(&self) -> bool {
        let since = self.lock().signalled;
        since.is_some_and(|since| self.env.elapsed().saturating_sub(since) > GRACE)
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
