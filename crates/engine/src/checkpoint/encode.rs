//! What is on its way to the store: sealed rows, spilled runs and staged rows become segments.
//!
//! One step encodes and puts at most about [`SEGMENT_BYTES`]; a put that failed is made again with
//! the same bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use argus_base::commit::Generation;
use argus_base::fault::FaultPoint;
use argus_base::id::CheckpointId;
use argus_base::{Env, Error, Result};
use argus_state::manifest::SectionRef;
use argus_state::segment::{EncodedSegment, SegmentRef, SegmentWriter};
use argus_state::spill::SpilledRun;
use argus_state::storage::Storage;
use arrow_array::RecordBatch;

use super::PartId;
use super::staging::Permit;

/// Size from which on a segment is followed by another.
const SEGMENT_BYTES: usize = 64 << 20;

/// Something to be written.
pub(crate) enum Job {
    /// Rows that a part sealed, at its seal of that number.
    State(PartId, u64, Vec<RecordBatch>),
    /// Rows that a sink staged; its next chunk may come when they are in the store.
    Staged(PartId, Vec<RecordBatch>, Ticket, Option<Permit>),
    /// A run that a part spilled.
    Run(PartId, Arc<SpilledRun>),
}

/// Which epoch's rows they are; given back with the section.
pub(crate) type Ticket = u64;

/// Something that has been written.
pub(crate) enum Written {
    State(PartId, u64, SectionRef),
    Staged(Ticket, SectionRef),
    Run(String, SectionRef),
}

/// Writes segments one by one.
pub(crate) struct Uploads {
    env: Env,
    storage: Arc<dyn Storage>,
    max_parallelism: u16,
    generation: Generation,
    jobs: VecDeque<Job>,
    /// Encoded, not yet in the store.
    encoded: Option<(EncodedSegment, Vec<Job>)>,
    /// Which checkpoint segments are named for, and how many it has.
    named_for: (CheckpointId, u32),
    /// Bytes written since they were last asked for.
    pub n_bytes: u64,
}

impl Uploads {
    /// For the worker of a generation.
    pub(crate) fn new(
        env: Env,
        storage: Arc<dyn Storage>,
        max_parallelism: u16,
        generation: Generation,
    ) -> Uploads {
        Uploads {
            env,
            storage,
            max_parallelism,
            generation,
            jobs: VecDeque::new(),
            encoded: None,
            named_for: (CheckpointId(0), 0),
            n_bytes: 0,
        }
    }

    pub(crate) fn add(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.encoded.is_none()
    }

    /// Writes one segment, named for a checkpoint that is not committed yet. One attempt.
    pub(crate) fn step(&mut self, checkpoint: CheckpointId) -> Result<Vec<Written>> {
        if self.encoded.is_none() {
            self.encode()?;
        }
        let Some((segment, _)) = &self.encoded else { return Ok(Vec::new()) };
        if self.named_for.0 != checkpoint {
            self.named_for = (checkpoint, 0);
        }
        let path = SegmentRef::path(checkpoint, self.generation, self.named_for.1);
        self.env.step(FaultPoint::Upload, || self.storage.put(&path, &segment.bytes))?;
        self.named_for.1 += 1;
        self.n_bytes += segment.bytes.len() as u64;
        let n_bytes = segment.bytes.len() as u64;
        let reference = SegmentRef { path, n_bytes, checksum: segment.checksum };
        let (_, jobs) = self.encoded.take().ok_or_else(|| Error::bug("a segment vanished"))?;
        Ok(jobs.into_iter().map(|job| job.written(&reference)).collect())
    }

    fn encode(&mut self) -> Result<()> {
        if let Some(Job::Run(_, run)) = self.jobs.front() {
            let encoded = run.encode()?;
            self.encoded = Some((encoded, self.jobs.drain(..1).collect()));
            return Ok(());
        }
        let mut writer = SegmentWriter::new(self.max_parallelism);
        let mut done = Vec::new();
        while let Some(job) = self.jobs.front() {
            if writer.n_bytes() >= SEGMENT_BYTES || has_section(&done, job) {
                break;
            }
            match job {
                Job::State(part, _, rows) => {
                    rows.iter().try_for_each(|rows| writer.add_state(*part, rows))?;
                }
                Job::Staged(part, rows, ..) => {
                    rows.iter().try_for_each(|rows| writer.add_rows(*part, rows))?;
                }
                Job::Run(..) => break,
            }
            done.extend(self.jobs.pop_front().map(Job::without_rows));
        }
        if !done.is_empty() {
            self.encoded = Some((writer.finish()?, done));
        }
        Ok(())
    }
}

/// Whether a segment has a section of the job's part. Whoever reads a section reads all of it, so
/// what belongs to two epochs must not share one.
fn has_section(done: &[Job], job: &Job) -> bool {
    done.iter().any(|done| done.part() == job.part())
}

impl Job {
    fn part(&self) -> PartId {
        match self {
            Job::State(part, ..) | Job::Staged(part, ..) | Job::Run(part, ..) => *part,
        }
    }

    /// What is left to say once the rows have been encoded.
    fn without_rows(self) -> Job {
        match self {
            Job::State(part, seal, _) => Job::State(part, seal, Vec::new()),
            Job::Staged(part, _, ticket, permit) => Job::Staged(part, Vec::new(), ticket, permit),
            run @ Job::Run(..) => run,
        }
    }

    fn written(self, segment: &SegmentRef) -> Written {
        let section = |section| SectionRef { segment: segment.clone(), section };
        match self {
            Job::State(part, seal, _) => Written::State(part, seal, section(part)),
            Job::Staged(part, _, ticket, _) => Written::Staged(ticket, section(part)),
            Job::Run(part, run) => Written::Run(run.segment.path.clone(), section(part)),
        }
    }
}

/// Sections of runs that are in the store, by the name of the run.
pub(crate) type StoredRuns = BTreeMap<String, SectionRef>;

#[cfg(test)]
mod tests {
    use argus_base::id::{OperatorId, SubtaskIndex};
    use argus_state::segment::SegmentReader;
    use argus_state::storage::MemoryStorage;
    use arrow_array::Int32Array;

    use super::*;

    const SINK: PartId = PartId { operator: OperatorId(7), subtask: SubtaskIndex(0) };

    fn rows(values: &[i32]) -> Vec<RecordBatch> {
        let column = Arc::new(Int32Array::from(values.to_vec()));
        vec![RecordBatch::try_from_iter([("v", column as arrow_array::ArrayRef)]).unwrap()]
    }

    #[test]
    fn what_a_sink_staged_twice_is_read_apart() {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
        let mut uploads = Uploads::new(Env::system(), Arc::clone(&storage), 128, Generation(1));
        let other = PartId { operator: OperatorId(8), ..SINK };
        let permit = Permit::default();
        uploads.add(Job::Staged(SINK, rows(&[1, 2]), 1, Some(permit)));
        uploads.add(Job::Staged(other, rows(&[9]), 2, None));
        uploads.add(Job::Staged(SINK, rows(&[3]), 3, None));
        let mut read = BTreeMap::new();
        while !uploads.is_empty() {
            for written in uploads.step(CheckpointId(1)).unwrap() {
                let Written::Staged(ticket, at) = written else { panic!("staged rows") };
                let reader = SegmentReader::open(Arc::clone(&storage), &at.segment).unwrap();
                let rows: Vec<RecordBatch> =
                    reader.read_rows(at.section).collect::<Result<_>>().unwrap();
                read.insert(ticket, rows);
            }
        }
        let expected = [(1, rows(&[1, 2])), (2, rows(&[9])), (3, rows(&[3]))];
        assert_eq!(read, BTreeMap::from(expected));
    }
}
