//! State beyond the memory limit: partial runs on local disk, ordered by key group, merged when
//! their slice fires.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use argus_base::id::{OperatorId, SubtaskIndex};
use argus_base::{Error, Result};

use crate::segment::SegmentRef;

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
    /// Folder of runs, of this process alone; made when the first run is written, removed with
    /// the job.
    pub spill_folder: PathBuf,
}

/// The memory that the state of a job may take.
#[derive(Debug)]
pub struct MemoryLimit {
    /// Bytes that all stores together may hold.
    pub max_bytes: u64,
    /// Bytes they hold now.
    pub used_bytes: AtomicU64,
    /// Stores there are; each may hold its share before it spills.
    pub n_stores: AtomicU64,
}

impl MemoryLimit {
    /// What state may take of the memory that a process may have resident: 45 %. The rest is for
    /// batches on their way, buffers of connectors, runs while they are encoded and merged, and
    /// what the allocator keeps.
    pub fn for_process(max_resident_bytes: u64) -> MemoryLimit {
        let max_bytes = max_resident_bytes / 100 * 45;
        MemoryLimit { max_bytes, used_bytes: AtomicU64::new(0), n_stores: AtomicU64::new(0) }
    }
}

/// A run: a segment of one section in a local file, removed when nobody holds it any more.
#[derive(Debug)]
pub struct SpilledRun {
    /// The file.
    pub path: PathBuf,
    /// What it would be called in the store; its `path` is the file's name.
    pub segment: SegmentRef,
    /// Rows in it.
    pub n_rows: u64,
}

impl SpilledRun {
    /// The whole file.
    pub fn read(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.path).map_err(|error| {
            let path = self.path.display();
            Error::transient("AR5101", format!("cannot read the spilled run '{path}': {error}"))
        })
    }
}
