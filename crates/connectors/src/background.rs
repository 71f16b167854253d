//! A sink writer that does its blocking work on one I/O thread behind a bounded queue.
//!
//! The slot owns a [`BackgroundWriter`], which never blocks; the thread owns a [`Worker`], which
//! may. A worker that fails poisons its writer: the error comes out of the next call, and nothing
//! is written after it. Dropping the writer ends the thread without finishing.
//!
//! ```text
//! open ──▶ write* / tick* / flush* ──▶ finish        (each on the thread, in the queue's order)
//! ```

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::commit::Prepared;
use argus_base::id::CheckpointId;
use argus_base::sink::{Flushed, SinkStatus, SinkWriter};
use argus_base::task::{TaskKind, spawn};
use argus_base::{Batch, Error, Result};

/// Most batches that wait for a worker; the slot that feeds it is blocked beyond.
const MAX_QUEUED_BATCHES: usize = 4;
/// Room for flushes and the end of input besides the batches: the next checkpoint is not begun
/// before the last one is over, but one may have been given up.
const QUEUE_SLOTS: usize = MAX_QUEUED_BATCHES + 4;

/// The blocking half of a writer. Every error it returns is final.
pub trait Worker {
    /// Comes first.
    fn open(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes rows, now or later.
    fn write(&mut self, batch: Batch) -> Result<()>;

    /// Makes everything taken since the last flush durable, or prepares it for the committer, and
    /// returns what the committer needs.
    fn flush(&mut self, checkpoint: CheckpointId) -> Result<Vec<Prepared>>;

    /// Makes everything durable and visible. Nothing follows.
    fn finish(&mut self) -> Result<()>;

    /// How long the worker may be left alone before `tick`; `None` where it need not be called.
    fn next_tick(&self) -> Option<Duration> {
        None
    }

    /// Does what time has made due.
    fn tick(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What the slot and the thread tell each other besides the queue.
#[derive(Default)]
pub struct WriterState {
    ready: AtomicBool,
    abandoned: AtomicBool,
    n_queued: AtomicUsize,
    flushed: Mutex<VecDeque<Flushed>>,
    is_finished: AtomicBool,
    failed: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl WriterState {
    /// Says whether the external system is reachable and takes rows.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Whether the writer was dropped: a worker that waits for a server gives up.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    fn fail(&self, error: Error) {
        self.set_ready(false);
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.failed.store(true, Ordering::Release);
    }

    fn check(&self) -> Result<()> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(error.unwrap_or_else(|| Error::bug("a writer was used after it had failed")))
    }
}

enum Command {
    Write(Batch),
    Flush(CheckpointId),
    Finish,
}

/// The slot's half of a writer.
pub struct BackgroundWriter {
    commands: SyncSender<Command>,
    state: Arc<WriterState>,
    is_ended: bool,
}

impl BackgroundWriter {
    /// Starts the thread. `make` builds the worker there, from the state it shares.
    pub fn start<W: Worker>(
        thread_name: &str,
        make: impl FnOnce(Arc<WriterState>) -> W + Send + 'static,
    ) -> Result<BackgroundWriter> {
        let (commands, received) = sync_channel(QUEUE_SLOTS);
        let state = Arc::new(WriterState::default());
        let of_thread = Arc::clone(&state);
        // Nobody joins the thread: its failure reaches the slot through the state, which a panic
        // reaches as well, and it ends when the queue closes.
        drop(spawn(TaskKind::Io, thread_name, move || {
            let guard = FailOnPanic(Arc::clone(&of_thread));
            let mut worker = make(Arc::clone(&of_thread));
            if let Err(error) = run(&mut worker, &received, &of_thread) {
                of_thread.fail(error);
            }
            drop(guard);
            Ok(())
        })?);
        Ok(BackgroundWriter { commands, state, is_ended: false })
    }

    fn send(&mut self, command: Command) -> Result<()> {
        match self.commands.try_send(command) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(_)) => {
                self.state.check()?;
                Err(Error::bug("a writer's thread ended before its input"))
            }
            Err(TrySendError::Full(_)) => Err(Error::bug("a writer was fed while it was blocked")),
        }
    }
}

impl SinkWriter for BackgroundWriter {
    fn poll(&mut self) -> Result<SinkStatus> {
        self.state.check()?;
        if self.is_ended {
            let is_finished = self.state.is_finished.load(Ordering::Acquire);
            return Ok(if is_finished { SinkStatus::Drained } else { SinkStatus::Blocked });
        }
        let n_queued = self.state.n_queued.load(Ordering::Acquire);
        Ok(if n_queued < MAX_QUEUED_BATCHES { SinkStatus::Ready } else { SinkStatus::Blocked })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.state.n_queued.fetch_add(1, Ordering::AcqRel);
        self.send(Command::Write(batch))
    }

    fn is_ready(&self) -> bool {
        self.state.ready.load(Ordering::Acquire)
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.send(Command::Flush(checkpoint))
    }

    fn flushed(&mut self) -> Option<Flushed> {
        self.state.flushed.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn end_input(&mut self) -> Result<()> {
        self.is_ended = true;
        self.send(Command::Finish)
    }
}

impl Drop for BackgroundWriter {
    fn drop(&mut self) {
        self.state.abandoned.store(true, Ordering::Release);
    }
}

/// Tells the slot when the worker panicked instead of returning.
struct FailOnPanic(Arc<WriterState>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(Error::bug("a writer's thread panicked"));
        }
    }
}

fn run(worker: &mut dyn Worker, commands: &Receiver<Command>, state: &WriterState) -> Result<()> {
    worker.open()?;
    state.set_ready(true);
    loop {
        let command = match worker.next_tick() {
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => commands.recv_timeout(pause),
        };
        match command {
            Ok(Command::Write(batch)) => {
                worker.write(batch)?;
                state.n_queued.fetch_sub(1, Ordering::AcqRel);
            }
            Ok(Command::Flush(checkpoint)) => {
                let prepared = worker.flush(checkpoint)?;
                let mut flushed = state.flushed.lock().unwrap_or_else(PoisonError::into_inner);
                flushed.push_back(Flushed { checkpoint, prepared });
            }
            Ok(Command::Finish) => {
                worker.finish()?;
                state.is_finished.store(true, Ordering::Release);
                return Ok(());
            }
            Err(RecvTimeoutError::Timeout) => worker.tick()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
