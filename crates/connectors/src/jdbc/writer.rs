//! The blocking half of a writer: gathers rows, writes each batch in one transaction, waits for
//! servers that are away, and leaves out rows that are refused.
//!
//! A row that comes to an idle writer is written at once. Right after a write, and while more is
//! in the queue, rows are gathered: many small batches become few transactions.
//!
//! ```text
//!             ┌───────── transient ──▶ drop the session, pause, connect ─┐
//! batch ──▶ whole ── data ──▶ each row in parts ── refused? Skip: count, Fail: end
//!             └── done ──▶ next          └── user error: end             │
//!             ▲──────────────────────────────────────────────────────────┘
//! ```

use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::Prepared;
use argus_base::connector::{ConnectorContext, OnError, TableDescriptor};
use argus_base::id::CheckpointId;
use argus_base::{Batch, Env, Error, Result, RowKind};

use super::changes::{Changes, n_bytes, statements};
use super::code;
use super::isolate::{Action, apply_each};
use super::marker::Claim;
use super::session::{Dialect, Failure, MarkedSession};
use super::sink_metrics::{SinkMetrics, Written};
use crate::background::{Worker, WriterState};

/// First pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest sleep between two looks at whether the writer was dropped.
const SLICE: Duration = Duration::from_millis(50);
/// How often an idle connection is asked for a sign of life.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// Least time from the end of a write to the next one, unless enough rows have gathered.
const LEAST_REST: Duration = Duration::from_millis(20);
/// How often the same trouble is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// When to write, and how long to wait.
#[derive(Clone, Copy)]
pub struct Policy {
    /// As many rows are written at once.
    pub max_rows: usize,
    /// Longest time a row waits for more; `None`: until there are enough.
    pub max_wait: Option<Duration>,
    /// Longest pause between two attempts.
    pub max_pause: Duration,
    /// How long to wait for the server at the start.
    pub connect_timeout: Duration,
    /// What to do about refused rows.
    pub on_error: OnError,
}

/// Writes one subtask's rows.
pub struct Writer {
    table: Arc<TableDescriptor>,
    dialect: Arc<dyn Dialect>,
    policy: Policy,
    env: Env,
    state: Arc<WriterState>,
    metrics: SinkMetrics,
    /// What makes each transaction the job's own, where it takes checkpoints.
    claim: Option<Claim>,
    session: Option<Box<dyn MarkedSession>>,
    gathered: Vec<Batch>,
    n_gathered: usize,
    /// When the first gathered row came.
    gathered_at: Duration,
    /// When the last write ended.
    written_at: Option<Duration>,
    last_logged: Option<Duration>,
}

/// What a writer writes to, and as whom.
pub struct Target {
    /// The job's table.
    pub table: Arc<TableDescriptor>,
    /// The database's.
    pub dialect: Arc<dyn Dialect>,
    /// What makes each transaction the job's own, where it takes checkpoints.
    pub claim: Option<Claim>,
}

impl Writer {
    /// A writer that has not connected.
    pub fn new(
        target: Target,
        policy: Policy,
        context: &ConnectorContext,
        state: Arc<WriterState>,
    ) -> Writer {
        Writer {
            metrics: SinkMetrics::new(context, &target.table.name),
            table: target.table,
            dialect: target.dialect,
            claim: target.claim,
            policy,
            env: context.env.clone(),
            state,
            session: None,
            gathered: Vec::new(),
            n_gathered: 0,
            gathered_at: Duration::ZERO,
            written_at: None,
            last_logged: None,
        }
    }

    /// Writes what was gathered, however long it takes.
    fn write_gathered(&mut self) -> Result<()> {
        if self.n_gathered == 0 {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.gathered);
        self.n_gathered = 0;
        let changes = Changes::of(&batches, &self.table.physical, &self.table.primary_key)?;
        drop(batches);
        let refused = self.deliver(&changes)?;
        if let Some(reason) = refused.first() {
            self.log("rows skipped that the database refuses", reason);
        }
        self.written_at = Some(self.env.elapsed());
        Ok(())
    }

    /// The reasons of the rows that were left out.
    fn deliver(&mut self, changes: &Changes) -> Result<Vec<String>> {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = self.env.elapsed();
            match self.attempt(changes) {
                Ok(refused) => {
                    let elapsed = self.env.elapsed().saturating_sub(started);
                    self.metrics.committed(&written(changes, &refused), elapsed);
                    self.state.set_ready(true);
                    return Ok(refused);
                }
                Err(Failure::Transient(reason)) => {
                    self.lose_session();
                    self.metrics.failed();
                    self.log("write failed, trying again", &reason);
                }
                Err(failure) => return Err(self.fatal(failure)),
            }
            self.pause(&mut pause)?;
        }
    }

    fn attempt(&mut self, changes: &Changes) -> std::result::Result<Vec<String>, Failure> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.dialect.connect()?,
        };
        let session = self.session.insert(session).as_mut();
        begin(session, self.claim.as_ref(), false)?;
        match write_whole(session, changes) {
            Ok(()) => Ok(Vec::new()),
            Err(Failure::Data(_)) => {
                session.rollback()?;
                begin(session, self.claim.as_ref(), true)?;
                write_each(session, changes, self.policy.on_error)
            }
            Err(failure) => Err(failure),
        }
    }

    fn lose_session(&mut self) {
        self.session = None;
        self.state.set_ready(false);
    }

    /// Waits, twice as long each time; an error when the writer was dropped meanwhile.
    fn pause(&self, pause: &mut Duration) -> Result<()> {
        let mut left = *pause;
        while !left.is_zero() {
            if self.state.is_abandoned() {
                return Err(Error::transient(code::UNREACHABLE, "the job has ended"));
            }
            let slice = left.min(SLICE);
            self.env.sleep(slice);
            left -= slice;
        }
        *pause = (*pause * 2).min(self.policy.max_pause);
        Ok(())
    }

    fn log(&mut self, what: &str, reason: &str) {
        let now = self.env.elapsed();
        let is_recent = self.last_logged.is_some_and(|last| now < last + LOG_INTERVAL);
        if !is_recent {
            self.last_logged = Some(now);
            tracing::warn!(table = self.table.name, reason, "{what}");
        }
    }

    fn fatal(&self, failure: Failure) -> Error {
        failure.into_error(&self.table.name)
    }

    /// How long the rows may still wait for more; `None` where nothing waits, or without end.
    fn time_to_write(&self) -> Option<Duration> {
        let latest = self.gathered_at + self.policy.max_wait?;
        let rested = self.written_at.map_or(Duration::ZERO, |at| at + LEAST_REST);
        let due_at = if self.is_amid_update() { latest } else { rested.min(latest) };
        (self.n_gathered > 0).then(|| due_at.saturating_sub(self.env.elapsed()))
    }

    /// Whether an old row came last: its new one follows at once, unless a condition drops it, and
    /// written apart the key would be missing for a moment.
    fn is_amid_update(&self) -> bool {
        let last = self.gathered.last();
        last.is_some_and(|last| last.kind(last.n_rows() - 1) == RowKind::UpdateBefore)
    }

    /// Whether rows have waited as long as they may, though more are in the queue.
    fn is_overdue(&self) -> bool {
        let latest = self.policy.max_wait.map(|max_wait| self.gathered_at + max_wait);
        self.n_gathered > 0 && latest.is_some_and(|latest| latest <= self.env.elapsed())
    }

    /// Looks whether the server is there while there is nothing to write.
    fn check_session(&mut self) -> Result<()> {
        let checked = match &mut self.session {
            Some(session) => session.ping(),
            None => self.dialect.connect().map(|session| self.session = Some(session)),
        };
        match checked {
            Ok(()) => self.state.set_ready(true),
            Err(Failure::Transient(reason)) => {
                self.lose_session();
                self.log("the database is away", &reason);
            }
            Err(failure) => return Err(self.fatal(failure)),
        }
        Ok(())
    }
}

impl Worker for Writer {
    fn open(&mut self) -> Result<()> {
        let begun = self.env.elapsed();
        let mut pause = FIRST_PAUSE;
        loop {
            match self.dialect.connect() {
                Ok(session) => {
                    self.session = Some(session);
                    return Ok(());
                }
                Err(Failure::Transient(reason)) => {
                    let waited = self.env.elapsed().saturating_sub(begun);
                    if waited >= self.policy.connect_timeout {
                        let limit = self.policy.connect_timeout;
                        let message = format!("no connection within {limit:?}: {reason}");
                        return Err(self.fatal(Failure::Transient(message)));
                    }
                    self.log("waiting for the database", &reason);
                }
                Err(failure) => return Err(self.fatal(failure)),
            }
            self.pause(&mut pause)?;
        }
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        if batch.n_rows() > 0 {
            if self.n_gathered == 0 {
                self.gathered_at = self.env.elapsed();
            }
            self.n_gathered += batch.n_rows();
            self.gathered.push(batch);
        }
        let grace = if self.is_amid_update() { argus_base::batch::MAX_BATCH_ROWS } else { 0 };
        let are_enough = self.n_gathered >= self.policy.max_rows.saturating_add(grace);
        if are_enough || self.is_overdue() {
            self.write_gathered()?;
        }
        Ok(())
    }

    fn flush(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        self.write_gathered()?;
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<()> {
        self.write_gathered()
    }

    fn next_tick(&self) -> Option<Duration> {
        Some(self.time_to_write().map_or(PING_INTERVAL, |left| left.min(PING_INTERVAL)))
    }

    fn tick(&mut self) -> Result<()> {
        match self.time_to_write() {
            Some(left) if left.is_zero() => self.write_gathered(),
            _ => self.check_session(),
        }
    }
}

/// Begins a transaction, under the job's claim where it has one.
fn begin(
    session: &mut dyn MarkedSession,
    claim: Option<&Claim>,
    check_at_once: bool,
) -> std::result::Result<(), Failure> {
    match claim {
        Some(claim) => claim.begin(session, check_at_once),
        None => session.begin(check_at_once),
    }
}

/// Writes all rows and ends the transaction that was begun.
fn write_whole(
    session: &mut dyn MarkedSession,
    changes: &Changes,
) -> std::result::Result<(), Failure> {
    for rows in statements(&changes.upserts) {
        session.upsert(&rows)?;
    }
    for rows in statements(&changes.deletes) {
        session.delete(&rows)?;
    }
    session.commit()
}

/// Writes all rows that the database takes, ends the transaction that was begun, and gives the
/// reasons of the others. With `Fail` the first reason ends it.
fn write_each(
    session: &mut dyn MarkedSession,
    changes: &Changes,
    on_error: OnError,
) -> std::result::Result<Vec<String>, Failure> {
    let mut refused = Vec::new();
    let upserts = statements(&changes.upserts).into_iter().map(|rows| (Action::Upsert, rows));
    let deletes = statements(&changes.deletes).into_iter().map(|rows| (Action::Delete, rows));
    for (action, rows) in upserts.chain(deletes) {
        refused.extend(apply_each(session, action, &rows)?);
        if on_error == OnError::Fail
            && let Some(reason) = refused.first()
        {
            let reason = reason.clone();
            session.rollback()?;
            return Err(Failure::Data(reason));
        }
    }
    session.commit()?;
    Ok(refused)
}

fn written(changes: &Changes, refused: &[String]) -> Written {
    Written {
        n_rows: changes.n_rows.saturating_sub(refused.len()),
        n_bytes: n_bytes(&changes.upserts) + n_bytes(&changes.deletes),
        n_refused: refused.len(),
        reason: refused.first().cloned(),
    }
}
