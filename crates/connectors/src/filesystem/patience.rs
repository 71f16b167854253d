//! How a writer waits for a server that is away or a disk that is full: until it goes on, or nobody
//! wants the writer.

use std::sync::Arc;
use std::time::Duration;

use argus_base::{Env, Error, ErrorKind, Result};

use crate::background::WriterState;

/// First and longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Longest sleep between two looks at whether the writer was dropped.
const SLICE: Duration = Duration::from_millis(50);
/// How often the same trouble is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What a writer's files share.
#[derive(Clone)]
pub struct Patience {
    env: Env,
    state: Arc<WriterState>,
}

impl Patience {
    /// That of the writer with this state.
    pub fn new(env: Env, state: Arc<WriterState>) -> Patience {
        Patience { env, state }
    }

    /// Makes attempts until one gives something else than a transient error.
    pub fn insist<T>(&self, attempt: impl FnMut() -> Result<T>) -> Result<T> {
        self.insist_for(Duration::MAX, attempt)
    }

    /// Makes attempts for that long; then the transient error is final.
    pub fn insist_for<T>(
        &self,
        limit: Duration,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let begun = self.env.elapsed();
        let mut pause = PAUSES.0;
        let mut logged = None;
        loop {
            let error = match attempt() {
                Err(error) if error.kind() == ErrorKind::Transient => error,
                done => {
                    self.state.set_ready(true);
                    return done;
                }
            };
            let now = self.env.elapsed();
            if now.saturating_sub(begun) >= limit {
                return Err(error);
            }
            self.state.set_ready(false);
            if logged.is_none_or(|logged| now >= logged + LOG_INTERVAL) {
                logged = Some(now);
                tracing::warn!(code = error.code(), %error, "writing failed, trying again");
            }
            self.pause(pause, error)?;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn pause(&self, pause: Duration, error: Error) -> Result<()> {
        let mut left = pause;
        while !left.is_zero() {
            if self.state.is_abandoned() {
                return Err(error);
            }
            let slice = left.min(SLICE);
            self.env.sleep(slice);
            left -= slice;
        }
        Ok(())
    }
}
