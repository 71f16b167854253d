//! What sinks have staged and committers have not applied yet, and the committers themselves.
//!
//! The commit point commits first; followers come after it one by one, at most
//! [`MAX_BEHIND`] epochs behind: then sources rest, and no further checkpoint is begun, until they
//! have caught up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner, Prepared, StagedRows};
use argus_base::fault::FaultPoint;
use argus_base::id::{CheckpointId, OperatorId};
use argus_base::{Batch, Env, Error, ErrorKind, Result, RowKind};
use argus_state::manifest::{SectionRef, StagedContent, StagedOutput};
use argus_state::segment::SegmentReader;
use argus_state::storage::Storage;
use arrow_array::cast::AsArray;
use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, Int8Array, RecordBatch};
use arrow_schema::{DataType, Field as ArrowField, FieldRef, Schema};

use crate::operator::record_batch;

/// Epochs that a follower may be behind.
const MAX_BEHIND: usize = 4;
/// First and longest pause between two attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often the same trouble is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A committer with the sinks whose epochs it commits.
pub(crate) struct OpenCommitter {
    pub sinks: Vec<OperatorId>,
    pub committer: Box<dyn Committer>,
}

/// A committer behind the commit point.
struct Follower {
    open: OpenCommitter,
    /// The last epoch it has applied in this incarnation.
    applied: Option<CheckpointId>,
    /// The last commit, where it has not applied it, and how many it is behind.
    behind: Option<(CommitRecord, usize)>,
    backoff: Backoff,
}

/// When to try again.
#[derive(Default)]
pub(crate) struct Backoff {
    pause: Duration,
    pub next: Duration,
    logged: Option<Duration>,
}

impl Backoff {
    /// An attempt failed: what to do about it. Anything but a transient error is final.
    pub(crate) fn failed(&mut self, env: &Env, what: &str, error: Error) -> Result<()> {
        if error.kind() != ErrorKind::Transient {
            return Err(error.context(what.to_owned()));
        }
        let now = env.elapsed();
        self.pause = (self.pause * 2).clamp(PAUSE.0, PAUSE.1);
        self.next = now + self.pause;
        if self.logged.is_none_or(|logged| now >= logged + LOG_INTERVAL) {
            self.logged = Some(now);
            tracing::warn!(code = error.code(), %error, "{what} failed, trying again");
        }
        Ok(())
    }

    pub(crate) fn succeeded(&mut self) {
        self.pause = Duration::ZERO;
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_failing(&self) -> bool {
        !self.pause.is_zero()
    }
}

/// Staged outputs and followers.
pub(crate) struct Outputs {
    env: Env,
    storage: Arc<dyn Storage>,
    followers: Vec<Follower>,
    /// Of epochs that some follower has not applied.
    staged: BTreeMap<CheckpointId, Vec<StagedOutput>>,
}

impl Outputs {
    pub(crate) fn new(env: Env, storage: Arc<dyn Storage>) -> Outputs {
        Outputs { env, storage, followers: Vec::new(), staged: BTreeMap::new() }
    }

    /// Takes over what a former life staged.
    pub(crate) fn restore(&mut self, staged: &[StagedOutput]) {
        for output in staged {
            self.staged.entry(output.checkpoint).or_default().push(output.clone());
        }
    }

    /// Adds an opened follower. `marker` is what it had applied; what it lacks of the last commit
    /// is applied by `step`.
    pub(crate) fn add(
        &mut self,
        open: OpenCommitter,
        marker: Option<CommitRecord>,
        owner: &Owner,
        last: Option<&CommitRecord>,
    ) {
        let own = marker.filter(|marker| marker.incarnation == owner.incarnation);
        let applied = own.map(|marker| marker.checkpoint);
        let is_behind = |last: &&CommitRecord| applied.is_none_or(|at| at < last.checkpoint);
        let behind = last.filter(is_behind).map(|last| (last.clone(), 1));
        self.followers.push(Follower { open, applied, behind, backoff: Backoff::default() });
    }

    /// A writer has left something of an epoch.
    pub(crate) fn stage(&mut self, output: StagedOutput) {
        if self.is_followed(output.sink) {
            self.staged.entry(output.checkpoint).or_default().push(output);
        }
    }

    /// Whether somebody applies what that sink stages.
    pub(crate) fn is_followed(&self, sink: OperatorId) -> bool {
        self.followers.iter().any(|follower| follower.open.sinks.contains(&sink))
    }

    /// Everything that is not applied, for the manifest.
    pub(crate) fn staged(&self) -> Vec<StagedOutput> {
        self.staged.values().flatten().cloned().collect()
    }

    /// The commit point has committed.
    pub(crate) fn committed(&mut self, record: &CommitRecord) {
        for follower in &mut self.followers {
            let n_before = follower.behind.as_ref().map_or(0, |(_, n)| *n);
            follower.behind = Some((record.clone(), n_before + 1));
        }
    }

    /// The next epoch handed to followers is the last: input has come to its end.
    pub(crate) fn end_input(&mut self) {
        self.followers.iter_mut().for_each(|follower| follower.open.committer.end_input());
    }

    /// Whether the next checkpoint has to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.most_behind() >= MAX_BEHIND
    }

    /// Whether it would have to after another commit.
    pub(crate) fn fills_up(&self) -> bool {
        self.most_behind() + 1 >= MAX_BEHIND
    }

    fn most_behind(&self) -> usize {
        let n_behind = |follower: &Follower| follower.behind.as_ref().map_or(0, |(_, n)| *n);
        self.followers.iter().map(n_behind).max().unwrap_or(0)
    }

    /// Whether a follower is away.
    pub(crate) fn is_failing(&self) -> bool {
        self.followers.iter().any(|follower| follower.backoff.is_failing())
    }

    /// Whether every follower has applied everything.
    pub(crate) fn is_settled(&self) -> bool {
        self.followers.iter().all(|follower| follower.behind.is_none())
    }

    /// When a follower that is behind is tried next.
    pub(crate) fn next(&self) -> Option<Duration> {
        let behind = self.followers.iter().filter(|follower| follower.behind.is_some());
        behind.map(|follower| follower.backoff.next).min()
    }

    /// Lets one follower that is behind, and whose turn it is, apply everything up to the last
    /// commit at once. True when one was tried.
    pub(crate) fn step(&mut self) -> Result<bool> {
        let now = self.env.elapsed();
        let is_due =
            |follower: &Follower| follower.behind.is_some() && follower.backoff.next <= now;
        let Some(index) = self.followers.iter().position(is_due) else { return Ok(false) };
        let Some((record, _)) = self.followers[index].behind.clone() else { return Ok(false) };
        let outputs = self.outputs_of(&self.followers[index], record.checkpoint);
        let (env, follower) = (&self.env, &mut self.followers[index]);
        let committer = &mut follower.open.committer;
        match env.step(FaultPoint::Marker, || committer.commit(&record, &outputs)) {
            Ok(()) => {
                follower.behind = None;
                follower.applied = Some(record.checkpoint);
                follower.backoff.succeeded();
                self.forget_applied();
            }
            Err(error) => {
                let what = format!("commit to {}", follower.open.committer.name());
                follower.backoff.failed(env, &what, error)?;
            }
        }
        Ok(true)
    }

    /// What a follower has to apply, in order.
    fn outputs_of(&self, follower: &Follower, until: CheckpointId) -> Vec<EpochOutput> {
        let sinks = &follower.open.sinks;
        let epochs = self.staged.range(..=until);
        let epochs = epochs.filter(|(epoch, _)| follower.applied.is_none_or(|at| **epoch > at));
        let staged = epochs.flat_map(|(_, outputs)| outputs);
        let mut outputs = Vec::new();
        for output in staged {
            let Some(sink) = sinks.iter().position(|sink| *sink == output.sink) else { continue };
            let prepared = match &output.content {
                StagedContent::Note(note) => Prepared::Note(note.clone()),
                StagedContent::Rows(section) => Prepared::Rows(Arc::new(StoredRows {
                    storage: Arc::clone(&self.storage),
                    section: section.clone(),
                })),
            };
            let (subtask, checkpoint) = (output.subtask, output.checkpoint);
            outputs.push(EpochOutput { sink, subtask, checkpoint, prepared });
        }
        outputs
    }

    /// Drops what every follower has applied.
    fn forget_applied(&mut self) {
        let followers = &self.followers;
        let is_waited_for = |output: &StagedOutput| {
            followers.iter().any(|follower| {
                follower.open.sinks.contains(&output.sink)
                    && follower.applied.is_none_or(|at| output.checkpoint > at)
            })
        };
        for outputs in self.staged.values_mut() {
            outputs.retain(is_waited_for);
        }
        self.staged.retain(|_, outputs| !outputs.is_empty());
    }
}

/// Rows in a segment.
struct StoredRows {
    storage: Arc<dyn Storage>,
    section: SectionRef,
}

impl StagedRows for StoredRows {
    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<Batch>>>> {
        let SectionRef { segment, section } = &self.section;
        let reader = SegmentReader::open(Arc::clone(&self.storage), segment)?;
        let mut rows = Vec::new();
        for batch in reader.read_rows(*section) {
            rows.push(staged_batch(&batch?)?);
        }
        Ok(Box::new(rows.into_iter().map(Ok)))
    }
}

/// The column that holds the row kinds of staged rows that are not all inserts.
const KINDS: &str = "argus.row_kind";

/// A batch as it is staged.
pub(crate) fn staged_record(batch: &Batch) -> Result<RecordBatch> {
    let Some(kinds) = &batch.kinds else { return Ok(batch.records.clone()) };
    let kinds: ArrayRef =
        Arc::new(Int8Array::from_iter_values(kinds.iter().map(|kind| *kind as i8)));
    let schema = batch.records.schema();
    let field = Arc::new(ArrowField::new(KINDS, DataType::Int8, false));
    let fields: Vec<FieldRef> = schema.fields().iter().cloned().chain([field]).collect();
    let columns = batch.records.columns().iter().cloned().chain([kinds]).collect();
    record_batch(&Arc::new(Schema::new(fields)), columns, batch.n_rows())
}

fn staged_batch(records: &RecordBatch) -> Result<Batch> {
    let schema = records.schema();
    let Some(last) = schema.fields().len().checked_sub(1) else {
        return Ok(Batch::inserts(records.clone()));
    };
    if schema.field(last).name() != KINDS {
        return Ok(Batch::inserts(records.clone()));
    }
    let codes = records.column(last).as_primitive::<Int8Type>().values();
    let kinds: Option<Arc<[RowKind]>> = codes.iter().map(|code| kind_of(*code)).collect();
    let unknown = || Error::new(ErrorKind::Corrupt, "AR5106", "a staged row of an unknown kind");
    let kinds = kinds.ok_or_else(unknown)?;
    let columns: Vec<usize> = (0..last).collect();
    Ok(Batch { records: records.project(&columns)?, kinds: Some(kinds) })
}

/// The inverse of `RowKind as i8`.
fn kind_of(code: i8) -> Option<RowKind> {
    let kinds = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];
    kinds.into_iter().find(|kind| *kind as i8 == code)
}
