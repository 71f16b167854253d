//! Writing a segment.

use std::sync::Arc;

use argus_base::Result;
use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use xxhash_rust::xxh3::xxh3_64;

use super::SectionId;
use super::block::{BlockEncoder, BlockStyle};
use super::index::{BlockEntry, Index, Trailer, encode_header};
use super::order::{hash_at, order};

/// What goes to the store.
pub(crate) const STYLE: BlockStyle =
    BlockStyle { n_bytes: 1 << 20, min_rows: 1, is_compressed: true };
/// What keys are looked up in: blocks are small, since a key is looked for in a whole one.
pub(crate) const LOOKUP_STYLE: BlockStyle =
    BlockStyle { n_bytes: 16 << 10, min_rows: 16, is_compressed: false };
/// Most rows of a block.
const BLOCK_ROWS: usize = 1 << 16;
/// The first block of a batch has a row for as many bytes of a block; it shows how large rows are.
const FIRST_ROW_BYTES: usize = 1 << 10;

/// Builds one segment in memory.
pub struct SegmentWriter {
    bytes: Vec<u8>,
    max_parallelism: u16,
    header_checksum: u64,
    blocks: Vec<BlockEntry>,
    block_hashes: Vec<u64>,
    style: BlockStyle,
    encoder: Option<BlockEncoder>,
}

/// Bytes of an encoded segment with what its reference will say.
pub struct EncodedSegment {
    /// The file.
    pub bytes: Vec<u8>,
    /// XXH3-64 of its index.
    pub checksum: u64,
}

/// Where the blocks of a segment lie, for a reader that looks for keys.
#[derive(Debug)]
pub(crate) struct BlockPlaces {
    pub(super) index: Arc<Index>,
    /// Of each block, the hash of its first key.
    pub first_hashes: Vec<u64>,
}

impl BlockPlaces {
    /// Bytes held.
    pub fn n_bytes(&self) -> usize {
        size_of_val(self.index.blocks.as_slice()) + size_of_val(self.first_hashes.as_slice())
    }
}

/// Cuts rows into blocks, which are as large as the block before showed.
struct Cut {
    n_rows: usize,
    start: usize,
    block_rows: usize,
    style: BlockStyle,
}

impl Cut {
    fn new(n_rows: usize, style: BlockStyle) -> Cut {
        let block_rows = (style.n_bytes / FIRST_ROW_BYTES).max(style.min_rows);
        Cut { n_rows, start: 0, block_rows, style }
    }

    fn next(&mut self) -> Option<std::ops::Range<usize>> {
        let start = self.start;
        self.start = (start + self.block_rows).min(self.n_rows);
        (start < self.start).then_some(start..self.start)
    }

    /// Takes note of how large a block became.
    fn learn(&mut self, n_rows: usize, n_bytes: usize) {
        let BlockStyle { n_bytes: wanted, min_rows, .. } = self.style;
        self.block_rows = (n_rows * wanted / n_bytes.max(1)).clamp(min_rows, BLOCK_ROWS);
    }
}

impl SegmentWriter {
    /// An empty segment for a job of that many key groups.
    pub fn new(max_parallelism: u16) -> SegmentWriter {
        let bytes = encode_header();
        let header_checksum = xxh3_64(&bytes);
        SegmentWriter {
            bytes,
            max_parallelism,
            header_checksum,
            blocks: Vec::new(),
            block_hashes: Vec::new(),
            style: STYLE,
            encoder: None,
        }
    }

    /// The same with other blocks.
    pub(crate) fn with_style(mut self, style: BlockStyle) -> SegmentWriter {
        self.style = style;
        self
    }

    /// Adds rows of state to a section; rows are sorted by the key group of their `key` here, then
    /// by slice. What one call adds is in that order, what several calls add follows each other.
    pub fn add_state(&mut self, section: SectionId, rows: &RecordBatch) -> Result<()> {
        let order = order(rows, self.max_parallelism)?;
        let sorted = UInt32Array::from(order.rows);
        let group = |at: usize| order.groups[sorted.value(at) as usize];
        let mut cut = Cut::new(rows.num_rows(), self.style);
        while let Some(part) = cut.next() {
            self.block_hashes.push(hash_at(rows, sorted.value(part.start) as usize)?);
            let block = take_record_batch(rows, &sorted.slice(part.start, part.len()))?;
            let groups = (group(part.start), group(part.end - 1));
            let n_raw_bytes = self.add_block(section, groups, &block)?;
            cut.learn(part.len(), n_raw_bytes);
        }
        Ok(())
    }

    /// Adds rows in their order, without key: staged output.
    pub fn add_rows(&mut self, section: SectionId, rows: &RecordBatch) -> Result<()> {
        let mut cut = Cut::new(rows.num_rows(), self.style);
        while let Some(part) = cut.next() {
            let block = rows.slice(part.start, part.len());
            let n_raw_bytes = self.add_block(section, (0, 0), &block)?;
            cut.learn(part.len(), n_raw_bytes);
        }
        Ok(())
    }

    /// Adds a block with rows of the groups from the first to the last; its size before
    /// compression.
    fn add_block(
        &mut self,
        section: SectionId,
        (first_group, last_group): (u16, u16),
        block: &RecordBatch,
    ) -> Result<usize> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(BlockEncoder::new(self.style.is_compressed)?),
        };
        let encoded = encoder.encode(block)?;
        self.blocks.push(BlockEntry {
            section,
            first_group,
            last_group,
            offset: self.bytes.len() as u64,
            n_bytes: encoded.bytes.len() as u64,
            n_raw_bytes: encoded.n_raw_bytes as u64,
            n_rows: u32::try_from(block.num_rows()).expect("at most BLOCK_ROWS"),
            checksum: xxh3_64(&encoded.bytes),
        });
        self.bytes.extend_from_slice(&encoded.bytes);
        Ok(encoded.n_raw_bytes)
    }

    /// Size so far.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Ends the segment.
    pub fn finish(self) -> Result<EncodedSegment> {
        Ok(self.finish_known()?.0)
    }

    /// Ends a segment of rows of state, and tells where its blocks lie.
    pub(crate) fn finish_known(self) -> Result<(EncodedSegment, BlockPlaces)> {
        let SegmentWriter { mut bytes, max_parallelism, header_checksum, blocks, .. } = self;
        let known = Arc::new(Index { max_parallelism, header_checksum, blocks });
        let index = known.encode();
        let checksum = xxh3_64(&index);
        let index_offset = bytes.len() as u64;
        let trailer = Trailer { index_offset, n_index_bytes: index.len() as u64, checksum };
        bytes.extend_from_slice(&index);
        bytes.extend_from_slice(&trailer.encode());
        let places = BlockPlaces { index: known, first_hashes: self.block_hashes };
        Ok((EncodedSegment { bytes, checksum }, places))
    }
}
