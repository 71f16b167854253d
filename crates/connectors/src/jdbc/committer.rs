//! Makes the epochs of one table visible: applies what was staged, and advances the table's
//! marker, in one transaction.
//!
//! ```text
//! begin, fence is ours? ─▶ marker covers the epoch? ─▶ staged rows ─▶ marker ─▶ commit
//!         └─ no: Fenced           └─ yes: done, nothing to do
//! ```
//! Rows of a table that is written early are there before; of it only the marker advances.

use std::sync::{Arc, Mutex, PoisonError};

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner};
use argus_base::connector::{ConnectorContext, OnError, TableDescriptor};
use argus_base::{Env, Error, ErrorKind, Result};

use super::marker::{Claim, number};
use super::session::{Dialect, Failure, MarkedSession};
use super::sink_metrics::{SinkMetrics, Written};
use super::staged::Applier;

/// The claim of the run that the table is open for; `None` until its committer was opened.
pub type SharedClaim = Arc<Mutex<Option<Claim>>>;

/// The committer of one table.
pub struct JdbcCommitter {
    name: String,
    place: Place,
    on_error: OnError,
    env: Env,
    metrics: SinkMetrics,
    claim: SharedClaim,
    /// Kept from call to call, dropped after a failure.
    session: Option<Box<dyn MarkedSession>>,
}

/// What a committer writes to.
pub struct Place {
    /// The job's table.
    pub table: Arc<TableDescriptor>,
    /// What its marker is called.
    pub marker_name: String,
    /// The database's table.
    pub dialect: Arc<dyn Dialect>,
}

impl JdbcCommitter {
    /// A committer that has not connected. What `open` claims is put into `claim`.
    pub fn new(place: Place, context: &ConnectorContext, claim: SharedClaim) -> JdbcCommitter {
        JdbcCommitter {
            name: format!("{}, table '{}'", place.dialect.place(), place.table.name),
            metrics: SinkMetrics::new(context, &place.table.name),
            place,
            on_error: context.on_sink_error,
            env: context.env.clone(),
            claim,
            session: None,
        }
    }

    fn in_table(&self) -> impl Fn(Failure) -> Error {
        let table = Arc::clone(&self.place.table);
        move |failure| failure.into_error(&table.name)
    }

    /// Does one attempt; only a session that it has not failed in is kept.
    fn attempt<T>(
        &mut self,
        act: impl FnOnce(&JdbcCommitter, &mut dyn MarkedSession) -> Result<T>,
    ) -> Result<T> {
        let session = match self.session.take() {
            Some(session) => Ok(session),
            None => self.place.dialect.connect().map_err(self.in_table()),
        };
        let done = session.and_then(|mut session| Ok((act(self, session.as_mut())?, session)));
        match done {
            Ok((value, session)) => {
                self.session = Some(session);
                Ok(value)
            }
            Err(error) => {
                if error.kind() == ErrorKind::Transient {
                    self.metrics.failed();
                }
                Err(error)
            }
        }
    }

    fn commit_epoch(&self, session: &mut dyn MarkedSession, epoch: &Epoch<'_>) -> Result<Outcome> {
        let at_end = self.transact(session, epoch, false)?;
        if !matches!(at_end, Outcome::RefusedAtCommit(_)) {
            return Ok(at_end);
        }
        // A constraint that waits for the commit does not say which row it is about.
        match self.transact(session, epoch, true)? {
            Outcome::RefusedAtCommit(reason) => Err(self.in_table()(Failure::Data(reason))),
            outcome => Ok(outcome),
        }
    }

    fn transact(
        &self,
        session: &mut dyn MarkedSession,
        epoch: &Epoch<'_>,
        check_at_once: bool,
    ) -> Result<Outcome> {
        let in_table = self.in_table();
        epoch.claim.begin(session, check_at_once).map_err(&in_table)?;
        let last = epoch.claim.last_epoch(session).map_err(&in_table)?;
        if last >= epoch.number {
            session.rollback().map_err(&in_table)?;
            return Ok(Outcome::Covered);
        }
        let outputs = epoch.outputs_after(last)?;
        let written = Applier::new(&self.place.table, self.on_error, session).apply(&outputs)?;
        epoch.claim.advance(session, last, epoch.number).map_err(&in_table)?;
        match session.commit() {
            Ok(()) => Ok(Outcome::Written(written)),
            Err(Failure::Data(reason)) => {
                session.rollback().map_err(&in_table)?;
                Ok(Outcome::RefusedAtCommit(reason))
            }
            Err(failure) => Err(in_table(failure)),
        }
    }

    fn current_claim(&self) -> Result<Claim> {
        let claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner).clone();
        claim.ok_or_else(|| Error::bug("a database's committer was used before it was opened"))
    }
}

impl Committer for JdbcCommitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>> {
        let claim = Claim::new(owner, &self.place.marker_name);
        let found = self.attempt(|this, session| claim.open(session).map_err(this.in_table()))?;
        *self.claim.lock().unwrap_or_else(PoisonError::into_inner) = Some(claim);
        Ok(found)
    }

    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()> {
        let claim = self.current_claim()?;
        if !claim.is_of(&record.incarnation) {
            return Err(Error::bug("a database was to commit an epoch of another incarnation"));
        }
        let epoch = Epoch { claim, number: number(record.checkpoint.0), outputs };
        let started = self.env.elapsed();
        let outcome = self.attempt(|this, session| this.commit_epoch(session, &epoch))?;
        if let Outcome::Written(written) = outcome {
            self.metrics.committed(&written, self.env.elapsed().saturating_sub(started));
            if let Some(reason) = written.reason {
                let (table, n_rows) = (&self.place.table.name, written.n_refused);
                tracing::warn!(table, n_rows, reason, "rows skipped that the database refuses");
            }
        }
        Ok(())
    }
}

/// What is to be committed.
struct Epoch<'a> {
    claim: Claim,
    number: i64,
    outputs: &'a [EpochOutput],
}

impl Epoch<'_> {
    /// The outputs of the epochs after `last`, in order.
    fn outputs_after(&self, last: i64) -> Result<Vec<&EpochOutput>> {
        let number_of = |output: &&EpochOutput| number(output.checkpoint.0);
        if self.outputs.iter().any(|output| number_of(&output) > self.number) {
            return Err(Error::bug("an output of a later epoch than the one to commit"));
        }
        let mut wanted: Vec<&EpochOutput> =
            self.outputs.iter().filter(|output| number_of(output) > last).collect();
        wanted.sort_by_key(number_of);
        Ok(wanted)
    }
}

/// How a transaction ended.
enum Outcome {
    /// The epoch had been committed before.
    Covered,
    /// It is committed.
    Written(Written),
    /// A constraint that is checked at the commit refuses some row.
    RefusedAtCommit(String),
}
