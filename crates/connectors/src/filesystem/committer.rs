//! Makes the files of an epoch visible: each by its own step, and then says so in the marker.
//!
//! ```text
//! marker is ours? ─▶ covers the epoch? ─▶ publish each file ─▶ tell complete partitions ─▶ marker
//!      └─ no: Fenced         └─ yes: done
//! ```
//! Every step may be repeated: a file that is visible stays, and the marker comes last.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner, Prepared};
use argus_base::fault::FaultPoint;
use argus_base::id::CheckpointId;
use argus_base::metrics::Counter;
use argus_base::{Env, Error, ErrorKind, Result};

use super::code;
use super::commit_marker::{CommitMarker, MarkerFiles, Numbered};
use super::hidden::{LeftBehind, Names};
use super::partition_commit::PartitionPolicy;
use super::place::Place;
use super::prepared::{PreparedFile, files_of, path};

/// Names of the files of the run that the table is open for; `None` until its committer was
/// opened.
pub type SharedNames = Arc<Mutex<Option<Names>>>;

/// Times that a marker is taken over from one who goes on writing it.
const MAX_TRIES: usize = 100;

/// What a committer knows of its table.
pub struct CommitTarget {
    /// Where the files are.
    pub place: Arc<dyn Place>,
    /// What the table's marker is called.
    pub sink_name: String,
    /// Number of partition columns.
    pub n_keys: usize,
    /// How complete partitions are told.
    pub policy: Option<PartitionPolicy>,
    /// The job's.
    pub env: Env,
    /// Counts visible rows.
    pub n_records: Counter,
}

/// The committer of one table.
pub struct FileCommitter {
    name: String,
    target: CommitTarget,
    names: SharedNames,
    owner: Option<Owner>,
    /// Whether the next epoch is the last, with which every partition is complete.
    is_input_ended: bool,
    /// Complete files that former runs left, by epoch. Those of an epoch that is committed and
    /// still hidden afterwards are nobody's.
    left_behind: Vec<(CheckpointId, String)>,
}

impl FileCommitter {
    /// A committer that has touched nothing. What `open` decides on is put into `names`.
    pub fn new(target: CommitTarget, names: SharedNames) -> FileCommitter {
        let name = target.place.name();
        let (owner, is_input_ended, left_behind) = (None, false, Vec::new());
        FileCommitter { name, target, names, owner, is_input_ended, left_behind }
    }

    /// Removes files that were being written, and remembers those that were complete.
    fn clear(&mut self, names: &Names) -> Result<()> {
        let place = self.target.place.as_ref();
        self.left_behind.clear();
        for path in place.hidden_files(self.target.n_keys)? {
            let name = path.rsplit('/').next().unwrap_or_default();
            match names.left_behind(name) {
                Some(LeftBehind::InProgress) => place.remove(&path)?,
                Some(LeftBehind::Pending(checkpoint)) => self.left_behind.push((checkpoint, path)),
                None => {}
            }
        }
        Ok(())
    }

    /// Removes what is left of epochs up to this one, all of which are committed.
    fn remove_left_behind(&mut self, until: CheckpointId) -> Result<()> {
        let place = self.target.place.as_ref();
        let of_past = self.left_behind.iter().filter(|(epoch, _)| *epoch <= until);
        for (_, path) in of_past {
            self.target.env.step(FaultPoint::Discard, || place.remove(path))?;
        }
        self.left_behind.retain(|(epoch, _)| *epoch > until);
        Ok(())
    }

    fn publish(&self, files: &[PreparedFile]) -> Result<()> {
        let place = self.target.place.as_ref();
        for file in files {
            self.target.env.step(FaultPoint::Publish, || place.publish(file))?;
        }
        let folders: BTreeSet<&str> = files.iter().map(|file| file.folder.as_str()).collect();
        place.settle(&folders.into_iter().collect::<Vec<_>>())
    }

    /// Tells which partitions are complete, given those in which files became visible.
    fn tell_complete(&self, marker: &mut CommitMarker, files: &[PreparedFile]) -> Result<()> {
        let Some(policy) = self.target.policy.as_ref().filter(|_| self.target.n_keys > 0) else {
            return Ok(());
        };
        let now = self.target.env.now();
        for file in files {
            marker.waiting.entry(file.folder.clone()).or_insert(now.0);
        }
        let complete = if self.is_input_ended {
            std::mem::take(&mut marker.waiting).into_keys().collect()
        } else {
            policy.take_complete(&mut marker.waiting, now)
        };
        for folder in complete {
            self.target.place.touch(&path(&folder, &policy.success_name))?;
        }
        Ok(())
    }

    /// Becomes the owner of the table, and returns what the one before has left.
    fn take_over(&self, files: &MarkerFiles, owner: &Owner) -> Result<Option<Numbered>> {
        let place = self.target.place.as_ref();
        let is_newer = |found: &CommitMarker| {
            found.incarnation == owner.incarnation && found.generation > owner.generation
        };
        for _ in 0..MAX_TRIES {
            let found = files.read(place)?;
            let marker = found.as_ref().map(|found| &found.marker);
            if marker.is_some_and(is_newer) {
                return Err(self.fenced(owner, found.as_ref()));
            }
            if files.replace(place, found.as_ref(), &CommitMarker::of_owner(owner, marker))? {
                return Ok(found);
            }
        }
        let message = format!("another run commits to {} all the time", self.name);
        Err(Error::transient(code::AWAY, message))
    }

    fn fenced(&self, owner: &Owner, found: Option<&Numbered>) -> Error {
        let now = found.map_or_else(
            || "its marker is gone".to_owned(),
            |Numbered { marker, .. }| {
                format!("its marker has {} of {}", marker.generation.0, marker.incarnation)
            },
        );
        let (job, generation) = (&owner.job, owner.generation.0);
        let incarnation = &owner.incarnation;
        let message = format!(
            "another run of the job '{job}' has taken {} over: this is generation {generation} \
             of {incarnation}, {now}",
            self.name
        );
        Error::new(ErrorKind::Fenced, code::FENCED, message)
    }
}

impl Committer for FileCommitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>> {
        let place = Arc::clone(&self.target.place);
        place.make()?;
        let files = MarkerFiles::new(&owner.job, &self.target.sink_name);
        let found = self.take_over(&files, owner)?;
        files.clear(place.as_ref())?;
        let names = Names::new(owner, &self.target.sink_name);
        self.clear(&names)?;
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = Some(names);
        self.owner = Some(owner.clone());
        Ok(found.and_then(|found| found.marker.record()))
    }

    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()> {
        let Some(owner) = self.owner.clone() else {
            return Err(Error::bug("a folder's committer was used before it was opened"));
        };
        if record.incarnation != owner.incarnation {
            return Err(Error::bug("a folder was to commit an epoch of another incarnation"));
        }
        let markers = MarkerFiles::new(&owner.job, &self.target.sink_name);
        let found = markers.read(self.target.place.as_ref())?;
        let is_own = |found: &&Numbered| {
            let CommitMarker { incarnation, generation, .. } = &found.marker;
            (incarnation, generation) == (&owner.incarnation, &owner.generation)
        };
        let Some(read) = found.as_ref().filter(is_own) else {
            return Err(self.fenced(&owner, found.as_ref()));
        };
        let before = &read.marker;
        let files = files_after(before.checkpoint, record, outputs)?;
        self.publish(&files)?;
        let mut after = before.clone();
        self.tell_complete(&mut after, &files)?;
        after.checkpoint = after.checkpoint.max(record.checkpoint);
        if !files.is_empty() || after.waiting != before.waiting {
            let place = self.target.place.as_ref();
            if !markers.replace(place, Some(read), &after)? {
                return Err(self.fenced(&owner, markers.read(place)?.as_ref()));
            }
        }
        self.target.n_records.add(files.iter().map(|file| file.n_rows).sum());
        self.remove_left_behind(record.checkpoint)
    }

    fn end_input(&mut self) {
        self.is_input_ended = true;
    }
}

/// The files of the epochs after `last`, in order.
fn files_after(
    last: CheckpointId,
    record: &CommitRecord,
    outputs: &[EpochOutput],
) -> Result<Vec<PreparedFile>> {
    let mut files = Vec::new();
    for output in outputs.iter().filter(|output| output.checkpoint > last) {
        if output.checkpoint > record.checkpoint {
            return Err(Error::bug("an output of a later epoch than the one to commit"));
        }
        let Prepared::Note(note) = &output.prepared else {
            return Err(Error::bug("a folder was given rows instead of a note"));
        };
        files.extend(files_of(note)?);
    }
    Ok(files)
}
