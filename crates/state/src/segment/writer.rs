//! Writing a segment.

use argus_base::Result;
use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use xxhash_rust::xxh3::xxh3_64;

use super::SectionId;
use super::block::{BlockEncoder, BlockStyle};
use super::index::{BlockEntry, Index, Trailer, encode_header};
use super::order::{hash_at, order};

/// What goes to the store.
pub(crate) const STYLE: BlockStyle = BlockStyle { n_bytes: 1 << 20, is_compressed: true };
/// Most rows of a block.
const BLOCK_ROWS: usize = 1 << 16;
/// Rows of the first block of a batch; it shows how large rows are.
const FIRST_BLOCK_ROWS: usize = 1 << 10;

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

/// Cuts rows into blocks, which are as large as the block before showed.
struct Cut {
    n_rows: usize,
    start: usize,
    block_rows: usize,
    block_bytes: usize,
}

impl Cut {
    fn new(n_rows: usize, block_bytes: usize) -> Cut {
        Cut { n_rows, start: 0, block_rows: FIRST_BLOCK_ROWS, block_bytes }
    }

    fn next(&mut self) -> Option<std::ops::Range<usize>> {
        let start = self.start;
        self.start = (start + self.block_rows).min(self.n_rows);
        (start < self.start).then_some(start..self.start)
    }

    /// Takes note of how large a block became.
    fn learn(&mut self, n_rows: usize, n_bytes: usize) {
        self.block_rows = (n_rows * self.block_bytes / n_bytes.max(1)).clamp(1, BLOCK_ROWS);
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
        let mut cut = Cut::new(rows.num_rows(), self.style.n_bytes);
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
        let mut cut = Cut::new(rows.num_rows(), self.style.n_bytes);
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

    /// Of each block of state, the hash of its first key.
    pub fn block_hashes(&self) -> &[u64] {
        &self.block_hashes
    }

    /// Size so far.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Ends the segment.
    pub fn finish(self) -> Result<EncodedSegment> {
        let SegmentWriter { mut bytes, max_parallelism, header_checksum, blocks, .. } = self;
        let index = Index { max_parallelism, header_checksum, blocks }.encode();
        let checksum = xxh3_64(&index);
        let index_offset = bytes.len() as u64;
        let trailer = Trailer { index_offset, n_index_bytes: index.len() as u64, checksum };
        bytes.extend_from_slice(&index);
        bytes.extend_from_slice(&trailer.encode());
        Ok(EncodedSegment { bytes, checksum })
    }
}
