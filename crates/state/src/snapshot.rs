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

/// After as many turns every living key was written at least once: each seal writes what is dirty
/// and, with each of its turns, 1/64 of all slots. Sections from before need not be kept.
pub const N_TURNS: u64 = 64;

/// Whether a chain of so many rows for so many keys is better begun anew after a restore. A job
/// that fails again and again before all have had their turn would make it longer each time.
pub fn is_too_long(n_rows: u64, n_keys: usize) -> bool {
    const MAX_ROWS_PER_KEY: u64 = 4;
    n_rows > MAX_ROWS_PER_KEY * n_keys as u64
}

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
    /// All runs that live, restored ones among them, as [`crate::manifest::KeyedState::runs`] says.
    pub runs: Vec<Run>,
    /// How many turns were taken, of [`N_TURNS`]. With all of them what earlier seals wrote is no
    /// longer needed.
    pub n_turns: u64,
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
    /// Whether the user has said that state of the operator may be lost.
    pub allows_loss: bool,
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
    /// As [`crate::manifest::KeyedState::runs`] says.
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
    /// Rows in the chain.
    pub fn n_chained_rows(&self) -> u64 {
        let n_rows = |of: &Section| of.segment.size(of.section, self.groups.clone()).0;
        self.chain.iter().map(n_rows).sum()
    }

    /// The scalar of that name.
    pub fn scalar(&self, name: &str) -> Option<i64> {
        self.scalars.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}
