//! What others ask of a running job, and what it tells them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};

use argus_base::id::CheckpointId;

use super::order::BarrierKind;

/// Requests to one job, over all its attempts.
#[derive(Default)]
pub(crate) struct Requests {
    stop: Mutex<Option<BarrierKind>>,
    savepoint: Mutex<Vec<SavepointRequest>>,
    is_ready: AtomicBool,
}

/// Somebody wants a savepoint.
pub(crate) struct SavepointRequest {
    /// Where; `None`: where the settings say.
    pub dir: Option<String>,
    /// The first checkpoint that counts for it, once there is one.
    pub since: Option<CheckpointId>,
    answer: Option<SyncSender<Result<String, String>>>,
}

impl SavepointRequest {
    /// Asked for by somebody who waits for the location, or the reason why there is none.
    pub(crate) fn new(
        dir: Option<String>,
        answer: SyncSender<Result<String, String>>,
    ) -> SavepointRequest {
        SavepointRequest { dir, since: None, answer: Some(answer) }
    }

    /// Asked for by the schedule.
    pub(crate) fn scheduled() -> SavepointRequest {
        SavepointRequest { dir: None, since: None, answer: None }
    }

    /// Tells whoever asked.
    pub(crate) fn answer(self, result: Result<String, String>) {
        match self.answer {
            // Nobody may wait any more.
            Some(answer) => drop(answer.try_send(result)),
            None => {
                if let Err(reason) = result {
                    tracing::warn!(reason, "no savepoint was taken");
                }
            }
        }
    }
}

impl Requests {
    /// Asks the job to end; the first kind counts.
    pub(crate) fn ask_stop(&self, kind: BarrierKind) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(kind);
    }

    /// How the job is to end, if it is.
    pub(crate) fn stop(&self) -> Option<BarrierKind> {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a savepoint. At most 16 wait; more are refused.
    pub(crate) fn ask_savepoint(&self, request: SavepointRequest) {
        let mut waiting = self.savepoint.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < 16 {
            waiting.push(request);
        } else {
            request.answer(Err("too many savepoints are waited for".to_owned()));
        }
    }

    /// The next one.
    pub(crate) fn take_savepoint(&self) -> Option<SavepointRequest> {
        let mut waiting = self.savepoint.lock().unwrap_or_else(PoisonError::into_inner);
        (!waiting.is_empty()).then(|| waiting.remove(0))
    }

    /// Notes whether all servers are there.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.is_ready.store(is_ready, Ordering::Release);
    }

    /// Whether all servers are there.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }
}
