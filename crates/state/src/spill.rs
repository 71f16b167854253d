//! State beyond the memory limit: runs on local disk, ordered by key group. Those of a window are
//! partial, and are merged when their slice fires; those of state without slices are searched, see
//! [`crate::sorted_run`].
//!
//! Runs are written and read by the slot's own thread, which does nothing else meanwhile: what
//! waits for it is bounded by the queues, and there is no state to work on before there is room
//! for it. A run is cut into files, which follow each other by slice, then by key group, so that
//! few of them have to be looked at for a part of the keys.

use std::fs;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argus_base::id::{OperatorId, SubtaskIndex};
use argus_base::key_group::{key_group, key_hash};
use argus_base::{Error, ErrorKind, Result};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use crate::SliceKey;
use crate::rows::KeyColumns;
use crate::segment::{
    EncodedSegment, LOOKUP_STYLE, STYLE, SectionId, SegmentReader, SegmentRef, SegmentWriter,
};
use crate::snapshot::Run;
use crate::sorted_run::FileLookup;
use crate::spill_folder::{CANNOT_SPILL, SpillFolder};

/// Bytes of rows after which another file is begun: this part of a store's share, since a file is
/// made in memory, and read there as a whole on its way to the store.
const FILE_PART: u64 = 16;
/// Within these bounds.
const FILE_BYTES: RangeInclusive<u64> = 1 << 20..=32 << 20;

/// Of 100 bytes that a process may have resident, so many are for state.
const STATE_PERCENT: u64 = 45;

/// Numbers the runs of the process, so that no two have the same name, and the passes.
static NEXT_RUN: AtomicU64 = AtomicU64::new(0);

/// What the stores of a job share.
#[derive(Clone)]
pub struct StateContext {
    /// Whose state it is.
    pub operator: OperatorId,
    /// The subtask.
    pub subtask: SubtaskIndex,
    /// Number of key groups.
    pub max_parallelism: u16,
    /// Whether what barriers need is kept track of: the job takes checkpoints.
    pub is_tracked: bool,
    /// Bounds the memory of all stores together; `None`: no limit, nothing spills.
    pub memory: Option<Arc<MemoryLimit>>,
}

impl StateContext {
    /// Bytes of rows of a file.
    fn file_bytes(&self) -> u64 {
        let (least, most) = FILE_BYTES.into_inner();
        let share = self.memory.as_ref().map(|memory| memory.share());
        share.map_or(most, |share| (share / FILE_PART).clamp(least, most))
    }

    /// The section of its rows.
    pub fn section(&self) -> SectionId {
        SectionId { operator: self.operator, subtask: self.subtask }
    }
}

/// The memory that the state of a job may take, and the folder for what is beyond.
#[derive(Debug)]
pub struct MemoryLimit {
    /// Bytes that all stores together may hold.
    pub max_bytes: u64,
    /// Bytes they hold now.
    pub used_bytes: AtomicU64,
    /// Stores there are; each may hold its share before it spills.
    pub n_stores: AtomicU64,
    /// Where runs are written.
    pub folder: Arc<SpillFolder>,
}

impl MemoryLimit {
    /// What state may take of the memory that a process may have resident. The rest is for
    /// batches on their way, buffers of connectors, what was sealed and has not reached the store,
    /// runs while they are encoded and merged, and what the allocator keeps.
    pub fn for_process(max_resident_bytes: u64, folder: SpillFolder) -> MemoryLimit {
        MemoryLimit::of_state(max_resident_bytes / 100 * STATE_PERCENT, folder)
    }

    /// State may take as many bytes.
    pub fn of_state(max_bytes: u64, folder: SpillFolder) -> MemoryLimit {
        let (used_bytes, n_stores) = Default::default();
        let folder = Arc::new(folder);
        MemoryLimit { max_bytes, used_bytes, n_stores, folder }
    }
}

impl MemoryLimit {
    /// Bytes that each store may hold in any case.
    fn share(&self) -> u64 {
        self.max_bytes / self.n_stores.load(Ordering::Relaxed).max(1)
    }
}

/// What one store holds of the memory.
pub struct MemoryShare {
    limit: Arc<MemoryLimit>,
    n_bytes: u64,
}

impl MemoryShare {
    /// Takes part in a limit.
    pub fn new(limit: Arc<MemoryLimit>) -> MemoryShare {
        limit.n_stores.fetch_add(1, Ordering::Relaxed);
        MemoryShare { limit, n_bytes: 0 }
    }

    /// Bytes that the store may hold in any case.
    pub fn max_bytes(&self) -> u64 {
        self.limit.share()
    }

    /// Bytes that it holds.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Says what it holds now.
    pub fn set(&mut self, n_bytes: u64) {
        // In this order the sum never wraps below zero.
        self.limit.used_bytes.fetch_add(n_bytes, Ordering::Relaxed);
        self.limit.used_bytes.fetch_sub(self.n_bytes, Ordering::Relaxed);
        self.n_bytes = n_bytes;
    }

    /// Whether the store must make room before it takes `n_more` bytes: all stores together would
    /// hold more than they may, and this one more than its share. Where the limit is exceeded at
    /// least one store is above its share.
    pub fn is_full(&self, n_more: u64) -> bool {
        let used = self.limit.used_bytes.load(Ordering::Relaxed);
        used + n_more > self.limit.max_bytes && self.n_bytes + n_more > self.max_bytes()
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.set(0);
        self.limit.n_stores.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A run: a segment of one section in a local file, removed when nobody holds it any more.
#[derive(Debug)]
pub struct SpilledRun {
    /// The file.
    pub path: PathBuf,
    /// What it would be called in the store; its `path` is the file's name.
    pub segment: SegmentRef,
    /// How its keys are found, where they are looked up.
    pub(crate) lookup: Option<FileLookup>,
    max_parallelism: u16,
    /// Stays as long as the run, which may reach the store when the stores are gone.
    folder: Arc<SpillFolder>,
}

impl SpilledRun {
    /// What goes to the store: the file, with blocks as they are there.
    pub fn encode(&self) -> Result<EncodedSegment> {
        if self.lookup.is_none() {
            let bytes = fs::read(&self.path);
            let bytes = bytes.map_err(|error| run_is_lost(&self.path, &error.to_string()))?;
            return Ok(EncodedSegment { bytes, checksum: self.segment.checksum });
        }
        let reader = SegmentReader::open_file(&self.path, &self.segment)?;
        let mut writer = SegmentWriter::new(self.max_parallelism);
        for section in reader.sections() {
            let rows: Vec<RecordBatch> = reader.read_rows(section).collect::<Result<_>>()?;
            let Some(schema) = rows.first().map(RecordBatch::schema) else { continue };
            writer.add_state(section, &concat_batches(&schema, &rows)?)?;
        }
        writer.finish()
    }
}

/// A run of this machine cannot be read back. Nothing is wrong with the checkpoint store: the job
/// goes on from its last checkpoint, with runs of its own.
pub(crate) fn run_is_lost(path: &Path, why: &str) -> Error {
    let message = format!("cannot read the spilled run '{}': {why}", path.display());
    Error::new(ErrorKind::Bug, "AR5301", message)
}

impl Drop for SpilledRun {
    fn drop(&mut self) {
        // The folder may have been removed before, and goes with the job in any case.
        drop(fs::remove_file(&self.path));
    }
}

/// One writing of runs: no key of a slice is in two runs of the same pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pass {
    /// 0 for what came from memory; one more than the greatest of what it was merged from.
    pub level: u8,
    /// Tells passes apart.
    pub number: u64,
}

impl Pass {
    /// A new one.
    pub fn next(level: u8) -> Pass {
        Pass { level, number: NEXT_RUN.fetch_add(1, Ordering::Relaxed) }
    }
}

/// A run that a slice needs.
#[derive(Clone)]
pub struct SliceRun {
    /// The run, which may have rows of other slices too.
    pub run: Run,
    /// The section to read.
    pub section: SectionId,
    /// Key groups of its rows; rows of others must not be read.
    pub groups: Range<u16>,
    /// Bytes that the slice's rows take in memory, about.
    pub n_bytes: u64,
    /// With which others it was written; `None` for one of a former life.
    pub pass: Option<Pass>,
}

impl SliceRun {
    /// Opens it for reading.
    pub fn open(&self) -> Result<Arc<SegmentReader>> {
        match &self.run {
            Run::Stored(section) => Ok(Arc::clone(&section.segment)),
            Run::Spilled(run) => Ok(Arc::new(SegmentReader::open_file(&run.path, &run.segment)?)),
        }
    }

    /// Whether both are the same file and part of it.
    pub fn is_same(&self, other: &SliceRun) -> bool {
        let is_file = match (&self.run, &other.run) {
            (Run::Spilled(one), Run::Spilled(other)) => one.path == other.path,
            (Run::Stored(one), Run::Stored(other)) => {
                one.segment.segment() == other.segment.segment() && one.section == other.section
            }
            _ => false,
        };
        is_file && self.groups == other.groups
    }
}

/// Writes rows to runs.
pub struct RunWriter {
    context: StateContext,
    pass: Pass,
    is_sorted: bool,
    file: Option<RunFile>,
    done: Vec<(SliceKey, SliceRun)>,
}

/// A file that is being filled.
struct RunFile {
    segment: SegmentWriter,
    /// Of its keys, where they will be looked up.
    hashes: Vec<u64>,
    n_row_bytes: usize,
    groups: Range<u16>,
    /// Slices with the bytes that their rows take in memory.
    slices: Vec<(SliceKey, u64)>,
}

impl RunWriter {
    /// Writes runs of a store in one pass.
    pub fn new(context: &StateContext, pass: Pass) -> RunWriter {
        let context = context.clone();
        RunWriter { context, pass, is_sorted: false, file: None, done: Vec::new() }
    }

    /// The same for rows that come in order of the hashes of their keys, which are looked up.
    pub(crate) fn sorted(context: &StateContext, pass: Pass) -> RunWriter {
        RunWriter { is_sorted: true, ..RunWriter::new(context, pass) }
    }

    /// Adds rows of one slice, which take `n_bytes` in memory and are in order of their key
    /// groups. A transient error means that the disk is full or the folder cannot be written; then
    /// nothing of what was written stays.
    pub fn add(&mut self, slice: SliceKey, rows: &RecordBatch, n_bytes: u64) -> Result<()> {
        let n_rows = rows.num_rows();
        if n_rows == 0 {
            return Ok(());
        }
        let keys = KeyColumns::of(rows)?.keys;
        let group =
            |row: usize| key_group(key_hash(keys.value(row)), self.context.max_parallelism).0;
        let (first, last) = (group(0), group(n_rows - 1));
        let file = self.file.get_or_insert_with(|| RunFile {
            segment: SegmentWriter::new(self.context.max_parallelism)
                .with_style(if self.is_sorted { LOOKUP_STYLE } else { STYLE }),
            hashes: Vec::new(),
            n_row_bytes: 0,
            groups: first..first + 1,
            slices: Vec::new(),
        });
        file.segment.add_state(self.context.section(), rows)?;
        if self.is_sorted {
            file.hashes.extend(keys.iter().flatten().map(key_hash));
        }
        file.n_row_bytes += rows.get_array_memory_size();
        file.groups = file.groups.start.min(first)..file.groups.end.max(last + 1);
        match file.slices.last_mut().filter(|(key, _)| *key == slice) {
            Some((_, known)) => *known += n_bytes,
            None => file.slices.push((slice, n_bytes)),
        }
        if file.n_row_bytes as u64 >= self.context.file_bytes() {
            self.end_file()?;
        }
        Ok(())
    }

    /// The runs by slice, in the order in which they were written.
    pub fn finish(mut self) -> Result<Vec<(SliceKey, SliceRun)>> {
        self.end_file()?;
        Ok(self.done)
    }

    fn end_file(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let (encoded, blocks) = file.segment.finish_known()?;
        let lookup = self.is_sorted.then(|| FileLookup::new(blocks, &file.hashes)).transpose()?;
        let number = NEXT_RUN.fetch_add(1, Ordering::Relaxed);
        let StateContext { operator, subtask, memory, .. } = &self.context;
        let memory = memory.as_ref().ok_or_else(|| Error::bug("spilled without a limit"))?;
        let folder = Arc::clone(&memory.folder);
        let name = format!("{operator}-{}-{number}", subtask.0);
        let path = folder.path().join(&name);
        let n_bytes = encoded.bytes.len() as u64;
        let segment = SegmentRef { path: name, n_bytes, checksum: encoded.checksum };
        // Made before the file, so that a file that is cut short is removed too.
        let max_parallelism = self.context.max_parallelism;
        let run = SpilledRun { path, segment, lookup, max_parallelism, folder };
        let run = Arc::new(run);
        run.folder.write(&run.path, &encoded.bytes).map_err(|error| {
            let path = run.path.display();
            Error::transient(CANNOT_SPILL, format!("cannot write the run '{path}': {error}"))
        })?;
        for (slice, n_bytes) in file.slices {
            let (run, section) = (Run::Spilled(Arc::clone(&run)), self.context.section());
            let (groups, pass) = (file.groups.clone(), Some(self.pass));
            self.done.push((slice, SliceRun { run, section, groups, n_bytes, pass }));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "spill_tests.rs"]
mod tests;
