//! Reading a segment, from the store or from a local file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use argus_base::{Error, ErrorKind, Result};
use arrow_array::RecordBatch;
use xxhash_rust::xxh3::xxh3_64;

use super::block::BlockDecoder;
use super::index::decode_header;
use super::index::{BlockEntry, Flaw, Index, MAX_HEADER_BYTES, TRAILER_BYTES, Trailer};
use super::order::{first_row, group_at};
use super::{BlockPlaces, SectionId, SegmentRef, corrupt};
use crate::spill::run_is_lost;
use crate::storage::Storage;

/// Read at once at the end of a segment; a smaller segment is there as a whole then.
const END_BYTES: u64 = 64 << 10;
/// Neighbouring blocks are read together up to as many bytes.
const READ_BYTES: u64 = 8 << 20;

/// A segment opened for reading. Everything read is checked; what does not match is `Corrupt`.
pub struct SegmentReader {
    file: SegmentFile,
    index: Arc<Index>,
}

impl SegmentReader {
    /// Reads header and index.
    pub fn open(storage: Arc<dyn Storage>, segment: &SegmentRef) -> Result<SegmentReader> {
        SegmentReader::read(Origin::Stored(storage), segment)
    }

    /// The same for a spilled run of this machine, whatever its name. The reader goes on where the
    /// file is removed meanwhile. Whatever is wrong with it, only the run is lost.
    pub fn open_file(path: &Path, segment: &SegmentRef) -> Result<SegmentReader> {
        let file = File::open(path).map_err(|error| run_is_lost(path, &error.to_string()))?;
        let origin = Origin::Spilled(file, path.to_owned());
        SegmentReader::read(origin, segment).map_err(|error| blame_run(path, error))
    }

    /// The same for a run of which is known where its blocks lie.
    pub(crate) fn open_known(
        path: &Path,
        segment: &SegmentRef,
        blocks: &BlockPlaces,
    ) -> Result<SegmentReader> {
        let file = File::open(path).map_err(|error| run_is_lost(path, &error.to_string()))?;
        let origin = Origin::Spilled(file, path.to_owned());
        let file = SegmentFile { origin, segment: segment.clone(), whole: None };
        Ok(SegmentReader { file, index: Arc::clone(&blocks.index) })
    }

    fn read(origin: Origin, segment: &SegmentRef) -> Result<SegmentReader> {
        let mut file = SegmentFile { origin, segment: segment.clone(), whole: None };
        let n_bytes = segment.n_bytes;
        let end_start = n_bytes.saturating_sub(END_BYTES);
        let end = file.bytes(end_start..n_bytes)?;
        if end_start == 0 {
            file.whole = Some(end.clone());
        }
        let flawed = |flaw: Flaw| flaw.of(&segment.path);
        let header = file.bytes(0..n_bytes.min(MAX_HEADER_BYTES as u64))?;
        let header = &header[..decode_header(&header).map_err(flawed)?];
        let trailer = &end[end.len().saturating_sub(TRAILER_BYTES)..];
        let trailer = Trailer::decode(trailer, n_bytes, segment.checksum).map_err(flawed)?;
        let index_start = trailer.index_offset;
        let index_end = index_start + trailer.n_index_bytes;
        let index = file.bytes(index_start..index_end)?;
        if !trailer.fits(&index) {
            return Err(corrupt(&segment.path, "the index has changed"));
        }
        let index = Index::decode(&index, index_start, header.len() as u64).map_err(flawed)?;
        if xxh3_64(header) != index.header_checksum {
            return Err(corrupt(&segment.path, "the header has changed"));
        }
        Ok(SegmentReader { file, index: Arc::new(index) })
    }

    /// As manifests name it.
    pub fn segment(&self) -> &SegmentRef {
        &self.file.segment
    }

    /// The sections with rows.
    pub fn sections(&self) -> Vec<SectionId> {
        let mut sections: Vec<SectionId> = self.index.blocks.iter().map(|b| b.section).collect();
        sections.sort_unstable();
        sections.dedup();
        sections
    }

    /// Rows of a section whose key group is in the range, and their bytes before compression; both
    /// at most, since blocks count whole.
    pub fn size(&self, section: SectionId, groups: Range<u16>) -> (u64, u64) {
        let blocks = self.index.blocks.iter().filter(|block| {
            let overlaps = block.first_group < groups.end && block.last_group >= groups.start;
            block.section == section && overlaps
        });
        blocks.fold((0, 0), |(n_rows, n_bytes), block| {
            (n_rows + u64::from(block.n_rows), n_bytes + block.n_raw_bytes)
        })
    }

    /// Rows of a section whose key group is in the range, block by block in order. Reads only the
    /// blocks that may hold them. Ends after an error.
    pub fn read_state(
        &self,
        section: SectionId,
        groups: Range<u16>,
    ) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        let is_wanted = |block: &&BlockEntry| {
            let overlaps = block.first_group < groups.end && block.last_group >= groups.start;
            block.section == section && overlaps
        };
        let blocks = self.index.blocks.iter().filter(is_wanted).copied().collect();
        Box::new(Rows::new(self, blocks, Some(groups)))
    }

    /// The rows of some blocks, which are given by their numbers in ascending order. Ends after an
    /// error.
    pub fn read_blocks(
        &self,
        blocks: impl Iterator<Item = usize>,
    ) -> impl Iterator<Item = Result<RecordBatch>> + '_ {
        Rows::new(self, blocks.map(|block| self.index.blocks[block]).collect(), None)
    }

    /// Reads everything, to make sure that it is what was written.
    pub fn verify(&self) -> Result<()> {
        let sections = self.sections().into_iter();
        let mut rows = sections.flat_map(|section| self.read_rows(section));
        rows.try_for_each(|rows| rows.map(|_| ()))
    }

    /// Rows of a section in the order in which they were added. Ends after an error.
    pub fn read_rows(
        &self,
        section: SectionId,
    ) -> Box<dyn Iterator<Item = Result<RecordBatch>> + '_> {
        let blocks = self.index.blocks.iter().filter(|block| block.section == section);
        Box::new(Rows::new(self, blocks.copied().collect(), None))
    }
}

/// The bytes of a segment.
struct SegmentFile {
    origin: Origin,
    segment: SegmentRef,
    /// All of it, where that is little.
    whole: Option<Vec<u8>>,
}

/// Where they come from.
enum Origin {
    Stored(Arc<dyn Storage>),
    Spilled(File, PathBuf),
}

impl SegmentFile {
    /// What an error of its rows means.
    fn blame(&self, error: Error) -> Error {
        match &self.origin {
            Origin::Spilled(_, path) => blame_run(path, error),
            Origin::Stored(_) => error,
        }
    }

    /// Exactly the bytes of a range.
    fn bytes(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let cut_short = || corrupt(&self.segment.path, "is cut short");
        let in_memory = |at: u64| usize::try_from(at).map_err(|_| cut_short());
        let length = in_memory(range.end.checked_sub(range.start).ok_or_else(cut_short)?)?;
        if let Some(whole) = &self.whole {
            let part = whole.get(in_memory(range.start)?..in_memory(range.end)?);
            return Ok(part.ok_or_else(cut_short)?.to_vec());
        }
        match &self.origin {
            Origin::Stored(storage) => {
                let found = storage.get_range(&self.segment.path, range)?;
                let bytes = found.ok_or_else(|| corrupt(&self.segment.path, "is missing"))?;
                if bytes.len() == length { Ok(bytes) } else { Err(cut_short()) }
            }
            Origin::Spilled(file, path) => {
                let mut bytes = vec![0; length];
                match file.read_exact_at(&mut bytes, range.start) {
                    Ok(()) => Ok(bytes),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(cut_short()),
                    Err(error) => Err(run_is_lost(path, &error.to_string())),
                }
            }
        }
    }
}

/// A run that is damaged is lost, and no state of a checkpoint.
fn blame_run(path: &Path, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Corrupt => run_is_lost(path, &error.to_string()),
        _ => error,
    }
}

/// The rows of some blocks.
struct Rows<'a> {
    reader: &'a SegmentReader,
    blocks: Vec<BlockEntry>,
    /// Position of the next block.
    next: usize,
    /// Key groups to keep.
    groups: Option<Range<u16>>,
    /// Bytes of the next block and of those behind it.
    read_ahead: Vec<u8>,
    /// Offset of their beginning in the file.
    read_from: u64,
    decoder: Option<BlockDecoder>,
}

impl<'a> Rows<'a> {
    fn new(reader: &'a SegmentReader, blocks: Vec<BlockEntry>, groups: Option<Range<u16>>) -> Self {
        let (read_ahead, read_from) = (Vec::new(), 0);
        Rows { reader, blocks, next: 0, groups, read_ahead, read_from, decoder: None }
    }

    fn next_rows(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(block) = self.blocks.get(self.next).copied() {
            let rows = self.decode(&block)?;
            let rows = self.wanted(&block, rows)?;
            self.next += 1;
            if rows.num_rows() > 0 {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }

    fn decode(&mut self, block: &BlockEntry) -> Result<RecordBatch> {
        self.read(block)?;
        let broken = |what: &str| {
            let what = format!("the block at byte {} {what}", block.offset);
            corrupt(&self.reader.file.segment.path, &what)
        };
        let start = usize::try_from(block.offset - self.read_from).expect("it was read");
        let length = usize::try_from(block.n_bytes).expect("it was read");
        let bytes = &self.read_ahead[start..start + length];
        if xxh3_64(bytes) != block.checksum {
            return Err(broken("has changed"));
        }
        let n_raw_bytes = usize::try_from(block.n_raw_bytes).map_err(|_| broken("is too large"))?;
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(BlockDecoder::new()?),
        };
        let rows = decoder.decode(bytes, n_raw_bytes);
        let rows = rows.map_err(|error| broken(&format!("cannot be decoded: {error}")))?;
        if rows.num_rows() != block.n_rows as usize {
            return Err(broken("has another number of rows than the index says"));
        }
        Ok(rows)
    }

    /// Makes sure that the bytes of the next block are there, and reads those that follow it
    /// without a gap in one go.
    fn read(&mut self, block: &BlockEntry) -> Result<()> {
        let read_to = self.read_from + self.read_ahead.len() as u64;
        if block.offset >= self.read_from && block.end() <= read_to {
            return Ok(());
        }
        let mut end = block.end();
        for follower in &self.blocks[self.next + 1..] {
            if follower.offset != end || follower.end() - block.offset > READ_BYTES {
                break;
            }
            end = follower.end();
        }
        self.read_ahead = self.reader.file.bytes(block.offset..end)?;
        self.read_from = block.offset;
        Ok(())
    }

    /// The rows of the groups to keep, which lie side by side.
    fn wanted(&self, block: &BlockEntry, rows: RecordBatch) -> Result<RecordBatch> {
        let Some(groups) = &self.groups else { return Ok(rows) };
        if groups.contains(&block.first_group) && groups.contains(&block.last_group) {
            return Ok(rows);
        }
        let start = self.first_row(&rows, groups.start)?;
        let end = self.first_row(&rows, groups.end)?;
        Ok(rows.slice(start, end.saturating_sub(start)))
    }

    /// The first row whose group is not below `group`.
    fn first_row(&self, rows: &RecordBatch, group: u16) -> Result<usize> {
        let max_parallelism = self.reader.index.max_parallelism;
        first_row(0..rows.num_rows(), |row| Ok(group_at(rows, row, max_parallelism)? < group))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let rows = self.next_rows().map_err(|error| self.reader.file.blame(error)).transpose();
        if matches!(rows, Some(Err(_))) {
            self.next = self.blocks.len();
        }
        rows
    }
}
