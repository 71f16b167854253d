//! Segments: immutable files of state rows, ordered by key group, each part readable alone.
//!
//! A segment holds *sections*, one for each operator subtask (or sink writer) that had something to
//! write at a barrier. The rows of a section are cut into blocks ordered by key group, then slice.
//!
//! ```text
//! header   "ARGSEG" version:u16 engine:text           (little-endian; text = u16 length, UTF-8)
//! block*   zstd(Arrow IPC stream of one record batch)
//! index    max-parallelism:u16, XXH3-64 of the header, number of blocks:u32, and per block:
//!          section (operator:u64 subtask:u32), first and last key group:u16, offset:u64,
//!          length:u64, length of the stream:u64, rows:u32, XXH3-64
//! trailer  offset and length of the index:u64, its XXH3-64, "GESGRA"
//! ```
//!
//! Rows of state have the columns `key` (BINARY, the key codec's bytes), `slice_end`, `slice_start`
//! (BIGINT), `deleted` (BOOLEAN), then the operator's own, named for the aggregate they belong to.

mod block;
mod index;
mod order;
mod reader;
mod writer;

pub(crate) use order::first_row;
pub use reader::SegmentReader;
pub(crate) use writer::{BlockPlaces, LOOKUP_STYLE, STYLE};
pub use writer::{EncodedSegment, SegmentWriter};

use argus_base::commit::Generation;
use argus_base::id::{CheckpointId, OperatorId, SubtaskIndex};
use argus_base::{Error, ErrorKind};

/// The format written here, and the newest that is read.
const VERSION: u16 = 1;

/// Whose rows a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SectionId {
    /// The operator or sink.
    pub operator: OperatorId,
    /// Its subtask, of the parallelism at that time.
    pub subtask: SubtaskIndex,
}

/// A segment in the store, as manifests name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentRef {
    /// Its path in the store.
    pub path: String,
    /// Its size.
    pub n_bytes: u64,
    /// XXH3-64 of its index: with the checksums in there, of all of it.
    pub checksum: u64,
}

impl SegmentRef {
    /// Path of the segment number `n` that the worker of a generation writes for a checkpoint.
    pub fn path(checkpoint: CheckpointId, generation: Generation, n: u32) -> String {
        format!("segment/{:020}-{}-{n}", checkpoint.0, generation.0)
    }
}

/// The segment cannot be used.
fn corrupt(path: &str, what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "AR5106", format!("segment {path}: {what}"))
}

#[cfg(test)]
mod segment_tests;
