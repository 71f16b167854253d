//! The only door to threads: every thread has a kind, a name, and a known way to end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crate::{Error, Result};

/// What a thread is for. The kind says how it is ended and what its failure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Drives one job: starts its slots, takes its checkpoints, restarts it; its failure is the
    /// job's.
    Job,
    /// Runs the fragments of one slot; ends when they end; its failure fails the job.
    Slot,
    /// Serves one connector's blocking I/O; ends when its queue closes; its failure is told to
    /// the slot that feeds it.
    Io,
    /// Serves people and tools (metrics, progress); its failure is logged, the job goes on.
    Service,
}

/// A running thread; dropping the handle detaches it.
pub struct Task<T> {
    handle: JoinHandle<Result<T>>,
}

impl<T> Task<T> {
    /// Waits for the end. A panic comes back as an error of kind `Bug`.
    pub fn join(self) -> Result<T> {
        self.handle.join().unwrap_or_else(|_| Err(Error::bug("a thread ended outside its body")))
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

/// Starts a thread. `name` is cut to 15 bytes by Linux.
#[allow(clippy::disallowed_methods, reason = "this is where the ban points to")]
pub fn spawn<T: Send + 'static>(
    kind: TaskKind,
    name: &str,
    body: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Task<T>> {
    let task_name = name.to_owned();
    let handle = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
                let said = panic_message(panic.as_ref());
                Err(Error::bug(format!("{kind:?} thread '{task_name}' panicked: {said}")))
            })
        })
        .map_err(|error| Error::transient("AR9002", error.to_string()).context("start a thread"))?;
    Ok(Task { handle })
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
