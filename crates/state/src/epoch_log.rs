//! The epoch log: who owns the store, and which checkpoint was committed last.
//!
//! Records have consecutive numbers and are put if absent, so of two workers that want to write
//! the next one exactly one succeeds, and the other learns who. A start writes a *takeover* with
//! the next generation, which fences all before it: whatever they try to commit finds its number
//! taken. A commit that reached the log before the takeover is seen by it and counts.
//!
//! ```text
//! 1 takeover g1 · 2 commit g1 c1 · 3 commit g1 c2 · 4 takeover g2 (c2) · 5 commit g2 c4
//!                                   worker g1 wants 4: taken ─▶ Fenced
//! ```
//! A record repeats the last commit, so the last record tells everything; older ones are deleted,
//! but for the last.

use std::sync::Arc;

use argus_base::Result;
use argus_base::commit::{CommitRecord, Generation};

use crate::storage::Storage;

/// The log as one worker sees it.
pub struct EpochLog {}

/// What a takeover found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// The worker's own turn.
    pub generation: Generation,
    /// What was committed last in the log, by whichever worker.
    pub committed: Option<CommitRecord>,
}

impl EpochLog {
    /// Takes the store over. `token` tells this worker's records from all others', so that a put
    /// whose answer was lost is known again.
    pub fn take_over(_storage: Arc<dyn Storage>, _token: u64) -> Result<(EpochLog, Takeover)> {
        todo!()
    }

    /// Looks at the log without taking it.
    pub fn look(_storage: &dyn Storage) -> Result<Option<Takeover>> {
        todo!()
    }

    /// Commits a checkpoint. One attempt, which may be made again. `Fenced` where another worker
    /// has taken over.
    pub fn commit(&mut self, _record: &CommitRecord) -> Result<()> {
        todo!()
    }

    /// Makes sure that nobody has taken over, where commits are made elsewhere.
    pub fn check(&self) -> Result<()> {
        todo!()
    }
}
