//! What an operator gives at a barrier, and what it gets back after a restart.

use std::ops::Range;
use std::sync::Arc;

use argus_base::Result;
use arrow_array::RecordBatch;

use crate::SliceKey;
use crate::manifest::SectionRef;
use crate::segment::{SectionId, SegmentReader};
use crate::spill::SpilledRun;

/// Columns that every row of keyed state begins with.
pub const KEY_COLUMNS: [&str; 4] = ["key", "slice_end", "slice_start", "deleted"];

/// As many barriers make sure that every living key was written at least once: each seal writes
/// what is dirty and 1/64 of all slots, so no chain needs to be longer.
pub const CHAIN_LENGTH: u64 = 64;

/// The keyed state of an operator subtask at a barrier, taken in a slot: cheap to make, encoded
/// and written elsewhere.
#[derive(Default)]
pub struct Sealed {
    /// Scalars of the operator by name.
    pub scalars: Vec<(String, i64)>,
    /// Slices that live.
    pub live: Vec<SliceKey>,
    /// Rows dirtied since the last barrier and the part of the others whose turn it is; with
    /// [`KEY_COLUMNS`] in front; in any order.
    pub rows: Vec<RecordBatch>,
    /// All runs that live, restored ones among them.
    pub runs: Vec<Run>,
    /// Whether what earlier seals wrote is no longer needed: it has been spilled as a run.
    pub begins_chain: bool,
    /// Keys over all slices, spilled ones not among them.
    pub n_keys: u64,
    /// Bytes in memory.
    pub n_bytes: u64,
}

/// A run that a slice still needs.
#[derive(Clone)]
pub enum Run {
    /// Spilled by this process: goes to the store once.
    Spilled(Arc<SpilledRun>),
    /// In the store since a former life.
    Stored(Section),
}

/// The state of all former subtasks of an operator, as far as one subtask of now owns it.
pub struct RestoredState {
    /// By former subtask; those whose key groups are all owned by others are not among them.
    pub parts: Vec<RestoredPart>,
}

/// The state of one former subtask.
pub struct RestoredPart {
    /// Key groups that both the former subtask owned and this one owns. Its sections may hold rows
    /// of others, which are not its own any more or not yet this one's: they must not be read.
    pub groups: Range<u16>,
    /// Scalars of the operator by name.
    pub scalars: Vec<(String, i64)>,
    /// Slices that live; rows of any other are dead.
    pub live: Vec<SliceKey>,
    /// Each to be merged with all others and with the chain.
    pub runs: Vec<Section>,
    /// Oldest first: of a key in a slice the newest row counts.
    pub chain: Vec<Section>,
}

/// A section that can be read.
#[derive(Clone)]
pub struct Section {
    /// The open segment.
    pub segment: Arc<SegmentReader>,
    /// The part of it.
    pub section: SectionId,
}

impl Section {
    /// As manifests name it.
    pub fn reference(&self) -> SectionRef {
        SectionRef { segment: self.segment.segment().clone(), section: self.section }
    }

    /// Its rows of state in the key groups of the range.
    pub fn rows(&self, groups: Range<u16>) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        self.segment.read_state(self.section, groups)
    }
}

impl RestoredPart {
    /// The scalar of that name.
    pub fn scalar(&self, name: &str) -> Option<i64> {
        self.scalars.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}
