//! Names of the files of one table and one run of the job.
//!
//! ```text
//! .part-<key>-<incarnation>-<generation>-<subtask>.inprogress-<random>     being written
//! .part-<key>-<incarnation>-<generation>-<checkpoint>-<subtask>-<n>.pending  waits for its commit
//! part-<incarnation>-<subtask>-<checkpoint>-<n>                            visible
//! part-<incarnation>-<subtask>-<generation>-<random>                       visible, on S3
//! ```
//! The key is that of job and table, for jobs may share a folder. No two files ever have one
//! name: neither incarnations nor, within one, checkpoints come again, and where a checkpoint's
//! number does because nobody knew of it, the generation differs.

use argus_base::commit::{Generation, Incarnation, Owner};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::key_group::key_hash;

/// Names of one table's files.
#[derive(Clone, Debug)]
pub struct Names {
    key: u64,
    incarnation: Incarnation,
    generation: Generation,
}

/// Which file of an epoch.
#[derive(Clone, Copy, Debug)]
pub struct FileNumber {
    /// The epoch.
    pub checkpoint: CheckpointId,
    /// The writer.
    pub subtask: SubtaskIndex,
    /// Tells the files of the table that this run has made apart.
    pub number: usize,
}

/// A hidden file that a former run of the job left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftBehind {
    /// It was being written: nobody needs it.
    InProgress,
    /// It belongs to an epoch that may have been committed.
    Pending(CheckpointId),
}

impl Names {
    /// Names of a table's files under that owner.
    pub fn new(owner: &Owner, sink_name: &str) -> Names {
        Names {
            key: key(&owner.job, sink_name),
            incarnation: owner.incarnation.clone(),
            generation: owner.generation,
        }
    }

    /// Of a file that is being written.
    pub fn in_progress(&self, subtask: SubtaskIndex, random: u64) -> String {
        format!("{}-{}.inprogress-{random:016x}", self.stem(), subtask.0)
    }

    /// Of a file that cannot be renamed, hidden and visible.
    pub fn fixed(&self, subtask: SubtaskIndex, random: u64) -> String {
        let (incarnation, generation) = (&self.incarnation, self.generation.0);
        format!("part-{incarnation}-{}-{generation}-{random:016x}", subtask.0)
    }

    /// Of a complete file that waits for its commit.
    pub fn pending(&self, file: FileNumber) -> String {
        let FileNumber { checkpoint, subtask, number } = file;
        format!("{}-{}-{}-{number}.pending", self.stem(), checkpoint.0, subtask.0)
    }

    /// Of a visible file.
    pub fn visible(&self, file: FileNumber) -> String {
        let FileNumber { checkpoint, subtask, number } = file;
        format!("part-{}-{}-{}-{number}", self.incarnation, subtask.0, checkpoint.0)
    }

    /// What a former run of the job has left, if the name is of that kind.
    pub fn left_behind(&self, name: &str) -> Option<LeftBehind> {
        let rest = name.strip_prefix(&format!(".part-{:016x}-", self.key))?;
        let (numbers, state) = rest.split_once('.')?;
        let mut numbers = numbers.split('-');
        let incarnation = Incarnation::parse(numbers.next()?)?;
        let generation = Generation(numbers.next()?.parse().ok()?);
        let is_own = incarnation == self.incarnation;
        if is_own && generation >= self.generation {
            return None;
        }
        if state.starts_with("inprogress-") {
            return Some(LeftBehind::InProgress);
        }
        // Whoever goes back to a life that this one has replaced may still commit its files.
        let checkpoint = CheckpointId(numbers.next()?.parse().ok()?);
        (is_own && state == "pending").then_some(LeftBehind::Pending(checkpoint))
    }

    fn stem(&self) -> String {
        format!(".part-{:016x}-{}-{}", self.key, self.incarnation, self.generation.0)
    }
}

/// Name of the folder whose files say what is committed of a table.
pub fn marker_folder(job: &str, sink_name: &str) -> String {
    format!(".argus-{:016x}.marker", key(job, sink_name))
}

fn key(job: &str, sink_name: &str) -> u64 {
    key_hash(format!("{job}\0{sink_name}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(job: &str, incarnation: u64, generation: u64) -> Names {
        let (job, incarnation) = (job.to_owned(), Incarnation::new(incarnation));
        Names::new(&Owner { job, incarnation, generation: Generation(generation) }, "t")
    }

    #[test]
    fn files_of_former_runs_are_known_by_their_names() {
        let own = names("job", 1, 5);
        let number =
            FileNumber { checkpoint: CheckpointId(7), subtask: SubtaskIndex(2), number: 3 };
        assert_eq!(own.visible(number), "part-0000000000000001-2-7-3");
        let left = |other: &Names| {
            let in_progress = other.in_progress(SubtaskIndex(0), 9);
            [own.left_behind(&in_progress), own.left_behind(&other.pending(number))]
        };
        let in_progress = Some(LeftBehind::InProgress);
        let pending = Some(LeftBehind::Pending(CheckpointId(7)));
        assert_eq!(left(&names("job", 1, 4)), [in_progress, pending]);
        assert_eq!(left(&names("job", 2, 9)), [in_progress, None]);
        assert_eq!(left(&own), [None, None]);
        assert_eq!(left(&names("another", 1, 4)), [None, None]);
        for other in ["", ".part-", ".part-0.inprogress-1", "part-0000000000000001-2-7-3"] {
            assert_eq!(own.left_behind(other), None, "{other}");
        }
    }
}
