//! Segments: immutable files of state rows, ordered by key group, each part readable alone.
//!
//! A segment holds *sections*, one for each operator subtask (or sink writer) that had something to
//! write at a barrier. The rows of a section are cut into blocks ordered by key group, then slice.
//!
//! ```text
//! header   "ARGSEG" version:u16 engine:text               (little-endian; text = u16 length, UTF-8)
//! block*   zstd(Arrow IPC stream of one record batch)
//! index    per block: section, first and last key group, offset, length, rows, XXH3-64
//! trailer  offset and length of the index, its XXH3-64, "GESGRA"
//! ```
//!
//! Rows of state have the columns `key` (BINARY, the key codec's bytes), `slice_end`, `slice_start`
//! (BIGINT), `deleted` (BOOLEAN), then the operator's own, named for the aggregate they belong to.

use std::ops::Range;
use std::sync::Arc;

use argus_base::Result;
use argus_base::id::{OperatorId, SubtaskIndex};
use arrow_array::RecordBatch;

use crate::storage::Storage;

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

/// Builds one segment in memory.
pub struct SegmentWriter {}

/// Bytes of an encoded segment with what its reference will say.
pub struct EncodedSegment {
    /// The file.
    pub bytes: Vec<u8>,
    /// XXH3-64 of its index.
    pub checksum: u64,
}

impl SegmentWriter {
    /// An empty segment for a job of that many key groups.
    pub fn new(_max_parallelism: u16) -> SegmentWriter {
        todo!()
    }

    /// Adds rows of state to a section; rows are sorted by the key group of their `key` here.
    pub fn add_state(&mut self, _section: SectionId, _rows: &RecordBatch) -> Result<()> {
        todo!()
    }

    /// Adds rows in their order, without key: staged output.
    pub fn add_rows(&mut self, _section: SectionId, _rows: &RecordBatch) -> Result<()> {
        todo!()
    }

    /// Size so far.
    pub fn n_bytes(&self) -> usize {
        todo!()
    }

    /// Ends the segment.
    pub fn finish(self) -> Result<EncodedSegment> {
        todo!()
    }
}

/// A segment opened for reading. Everything read is checked; what does not match is `Corrupt`.
pub struct SegmentReader {}

impl SegmentReader {
    /// Reads header and index.
    pub fn open(_storage: Arc<dyn Storage>, _segment: &SegmentRef) -> Result<SegmentReader> {
        todo!()
    }

    /// The sections with rows.
    pub fn sections(&self) -> Vec<SectionId> {
        todo!()
    }

    /// Rows of a section whose key group is in the range, block by block in order. Reads only the
    /// blocks that may hold them.
    pub fn read_state(
        &self,
        _section: SectionId,
        _groups: Range<u16>,
    ) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        todo!()
    }

    /// Rows of a section in the order in which they were added.
    pub fn read_rows(
        &self,
        _section: SectionId,
    ) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        todo!()
    }
}
