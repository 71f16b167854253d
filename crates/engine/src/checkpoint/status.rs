//! What others ask of a running job.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use argus_base::id::CheckpointId;

use super::order::BarrierKind;

/// Savepoints that may wait at a time; more are refused.
const MAX_SAVEPOINTS: usize = 16;

/// Requests to one job, over all its attempts.
#[derive(Default)]
pub(crate) struct Requests {
    asked: Mutex<Asked>,
    is_ready: AtomicBool,
}

/// What has been asked for and not been done yet.
#[derive(Default)]
struct Asked {
    stop: Option<BarrierKind>,
    savepoints: Vec<SavepointRequest>,
    is_over: bool,
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
    /// Asks the job to end; the first kind counts. A savepoint asked for with it is one of the last
    /// checkpoint.
    pub(crate) fn ask_stop(&self, kind: BarrierKind, savepoint: Option<SavepointRequest>) {
        let mut asked = self.lock();
        asked.stop.get_or_insert(kind);
        if let Some(savepoint) = savepoint {
            asked.add(savepoint);
        }
    }

    /// How the job is to end, if it is.
    pub(crate) fn stop(&self) -> Option<BarrierKind> {
        self.lock().stop
    }

    /// Asks for a savepoint.
    pub(crate) fn ask_savepoint(&self, request: SavepointRequest) {
        self.lock().add(request);
    }

    /// How the job is to end, if it is, and the savepoints asked for since the last call.
    pub(crate) fn take(&self) -> (Option<BarrierKind>, Vec<SavepointRequest>) {
        let mut asked = self.lock();
        (asked.stop, std::mem::take(&mut asked.savepoints))
    }

    /// The job has ended: whoever waits is told so, and whoever comes.
    pub(crate) fn close(&self) {
        let mut asked = self.lock();
        asked.is_over = true;
        std::mem::take(&mut asked.savepoints).into_iter().for_each(too_late);
    }

    /// Notes whether all servers are there.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.is_ready.store(is_ready, Ordering::Release);
    }

    /// Whether all servers are there.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    fn add(&mut self, request: SavepointRequest) {
        if self.is_over {
            too_late(request);
        } else if self.savepoints.len() >= MAX_SAVEPOINTS {
            request.answer(Err("too many savepoints are waited for".to_owned()));
        } else {
            self.savepoints.push(request);
        }
    }
}

fn too_late(request: SavepointRequest) {
    request.answer(Err("the job ended before".to_owned()));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn nobody_waits_for_a_job_that_has_ended() {
        let requests = Requests::default();
        let (answer, answered) = sync_channel(1);
        requests.ask_savepoint(SavepointRequest::new(None, answer.clone()));
        assert!(answered.try_recv().is_err());
        requests.close();
        let too_late = Ok(Err("the job ended before".to_owned()));
        assert_eq!(answered.try_recv(), too_late);
        requests.ask_savepoint(SavepointRequest::new(None, answer));
        assert_eq!(answered.try_recv(), too_late);
    }

    #[test]
    fn the_first_stop_counts_and_brings_its_savepoint() {
        let requests = Requests::default();
        let (answer, _answered) = sync_channel(1);
        let savepoint = SavepointRequest::new(Some("a".to_owned()), answer);
        requests.ask_stop(BarrierKind::Drain, Some(savepoint));
        requests.ask_stop(BarrierKind::Stop, None);
        let (stop, savepoints) = requests.take();
        assert_eq!((stop, savepoints.len()), (Some(BarrierKind::Drain), 1));
        assert_eq!(requests.take().1.len(), 0);
    }
}
