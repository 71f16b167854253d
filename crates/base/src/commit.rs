//! The commit seam: how the output of an epoch becomes visible exactly once.
//!
//! An *epoch* is what a job emits between two checkpoints; it carries the id of the checkpoint that
//! ends it. A checkpoint is committed at one place, the job's commit point: the first Kafka cluster
//! it writes to, else the epoch log of the checkpoint store. Everything else follows: its output
//! of an epoch is kept with the checkpoint and applied after the commit, under a marker of its own.
//!
//! ```text
//! start:  open (fence former owners, read the record) ─▶ commit of what was staged, not applied
//! epoch:  writers flush ─▶ checkpoint durable ─▶ commit at the commit point ─▶ commit of followers
//! ```

use std::fmt;
use std::sync::Arc;

use crate::id::{CheckpointId, SubtaskIndex};
use crate::{Batch, Result};

/// Names one life of a job's output: a fresh start or a restore from a savepoint begins another,
/// so that no marker of the past swallows its rows. 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnation(String);

impl Incarnation {
    /// An incarnation that never was.
    pub fn new(random: u64) -> Incarnation {
        Incarnation(format!("{random:016x}"))
    }

    /// The incarnation of that name; `None` where it is none.
    pub fn parse(text: &str) -> Option<Incarnation> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| Incarnation(text.to_ascii_lowercase()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often a job's store has changed hands; each start, and each restart in the process, takes
/// the next one. Whoever holds a smaller one than the greatest has been fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// What was committed last: the checkpoint whose outputs are visible, and which a restart resumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRecord {
    /// Whose epoch it is.
    pub incarnation: Incarnation,
    /// The checkpoint that ends the epoch.
    pub checkpoint: CheckpointId,
    /// XXH3-128 of the checkpoint's manifest as 32 hexadecimal digits.
    pub manifest_hash: String,
}

/// Who is about to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `pipeline.name`.
    pub job: String,
    /// The life of the job that it carries on.
    pub incarnation: Incarnation,
    /// Its turn at the store.
    pub generation: Generation,
}

/// What one writer made of one epoch.
#[derive(Clone)]
pub struct EpochOutput {
    /// Position of the sink among those the committer was opened for.
    pub sink: usize,
    /// The writer.
    pub subtask: SubtaskIndex,
    /// The epoch.
    pub checkpoint: CheckpointId,
    /// What is to be made visible.
    pub prepared: Prepared,
}

/// What a writer left to its committer.
#[derive(Clone)]
pub enum Prepared {
    /// The writer's own note, such as names of hidden files. Kept in the manifest.
    Note(String),
    /// Rows that were staged with the checkpoint.
    Rows(Arc<dyn StagedRows>),
}

/// Rows staged with a checkpoint, in the order in which the writer got them.
pub trait StagedRows: Send + Sync {
    /// Reads them from the beginning; one attempt.
    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<Batch>>>>;
}

/// Makes epochs of one external system visible. Owned by one thread, where it may block; every
/// call is one attempt, and one that failed with a transient error is made again as it was.
pub trait Committer: Send {
    /// The system as it is named to people, such as `kafka localhost:9092`.
    fn name(&self) -> &str;

    /// Takes the system over: what an earlier owner of the job has not committed is gone or can
    /// no longer be committed. Comes before any writer of its sinks is made. Returns what was
    /// committed last, of whatever incarnation.
    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>>;

    /// Makes the outputs visible and remembers the record, both or neither. Outputs of epochs that
    /// it had committed before change nothing, so that a call whose answer was lost may be made
    /// again, also after a restart. `Fenced` where another owner has taken over.
    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()>;

    /// Input has come to its end, or was drained: the next `commit` is of the last epoch. Told to
    /// those that follow the commit point; not where a job is stopped where it stands. A job that
    /// crashed before that `commit` comes to its end again, so this need not outlive the process.
    fn end_input(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incarnations_have_a_text_form() {
        let incarnation = Incarnation::new(0xab);
        assert_eq!(incarnation.to_string(), "00000000000000ab");
        assert_eq!(Incarnation::parse("00000000000000AB"), Some(incarnation));
        assert_eq!(Incarnation::parse("ab"), None);
    }
}
