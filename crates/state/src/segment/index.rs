//! Header, index and trailer of a segment: where its blocks lie, and what they must hash to.
//!
//! The blocks fill the room between header and index without a gap, so that no byte is unchecked.

use argus_base::id::{OperatorId, SubtaskIndex};
use argus_base::{Error, ErrorKind};
use xxhash_rust::xxh3::xxh3_64;

use super::{SectionId, VERSION};

const MAGIC: &[u8] = b"ARGSEG";
const END_MAGIC: &[u8] = b"GESGRA";
/// Bytes of the trailer.
pub(super) const TRAILER_BYTES: usize = 3 * 8 + END_MAGIC.len();
/// Magic, version and length of the engine's name.
const HEADER_FIXED_BYTES: usize = MAGIC.len() + 2 + 2;
/// Longest name of an engine.
const MAX_ENGINE_BYTES: usize = 200;
/// No header is longer.
pub(super) const MAX_HEADER_BYTES: usize = HEADER_FIXED_BYTES + MAX_ENGINE_BYTES;
/// Bytes of an entry of the index.
const ENTRY_BYTES: usize = 8 + 4 + 2 + 2 + 8 + 8 + 8 + 4 + 8;

/// What is wrong with bytes that were read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Torn or changed.
    Broken(&'static str),
    /// Of a later format.
    Later {
        /// Who wrote it.
        engine: String,
        /// Its format.
        version: u16,
    },
}

impl Flaw {
    /// The error to tell of it.
    pub fn of(self, path: &str) -> Error {
        match self {
            Flaw::Broken(what) => super::corrupt(path, what),
            Flaw::Later { engine, version } => {
                let what = format!("has format {version}, written by Argus {engine}");
                let known = format!("this engine reads formats up to {VERSION}");
                Error::new(ErrorKind::Corrupt, "AR5109", format!("segment {path}: {what}; {known}"))
            }
        }
    }
}

/// A block: where it lies and whose rows it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockEntry {
    pub section: SectionId,
    /// Key group of its first row, and of its last; 0 for rows without key.
    pub first_group: u16,
    pub last_group: u16,
    pub offset: u64,
    pub n_bytes: u64,
    /// Length of the stream before compression.
    pub n_raw_bytes: u64,
    pub n_rows: u32,
    pub checksum: u64,
}

impl BlockEntry {
    /// The offset behind it.
    pub fn end(&self) -> u64 {
        self.offset + self.n_bytes
    }
}

/// All blocks, in order of offset.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub max_parallelism: u16,
    pub header_checksum: u64,
    pub blocks: Vec<BlockEntry>,
}

/// The header of a segment written here.
pub(super) fn encode_header() -> Vec<u8> {
    let engine = env!("CARGO_PKG_VERSION");
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    let length = u16::try_from(engine.len()).expect("a version is short");
    bytes.extend(length.to_le_bytes());
    bytes.extend(engine.as_bytes());
    bytes
}

/// Length of the header that `bytes` begin with.
pub(super) fn decode_header(bytes: &[u8]) -> Result<usize, Flaw> {
    let mut input = Input(bytes);
    if input.take(MAGIC.len()) != Some(MAGIC) {
        return Err(Flaw::Broken("does not begin like one"));
    }
    let cut_short = Flaw::Broken("the header is cut short");
    let (Some(version), Some(length)) = (input.u16(), input.u16()) else { return Err(cut_short) };
    let engine = input.take(usize::from(length)).and_then(|text| std::str::from_utf8(text).ok());
    let Some(engine) = engine.filter(|engine| engine.len() <= MAX_ENGINE_BYTES) else {
        return Err(cut_short);
    };
    if version > VERSION {
        return Err(Flaw::Later { engine: engine.to_owned(), version });
    }
    if version == 0 {
        return Err(Flaw::Broken("has format 0, which never was"));
    }
    Ok(HEADER_FIXED_BYTES + engine.len())
}

impl Index {
    /// The bytes of the index.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(14 + self.blocks.len() * ENTRY_BYTES);
        bytes.extend(self.max_parallelism.to_le_bytes());
        bytes.extend(self.header_checksum.to_le_bytes());
        let n_blocks = u32::try_from(self.blocks.len()).expect("fewer than 2^32 blocks");
        bytes.extend(n_blocks.to_le_bytes());
        for block in &self.blocks {
            let subtask = u32::try_from(block.section.subtask.0).expect("a subtask is a u16");
            bytes.extend(block.section.operator.0.to_le_bytes());
            bytes.extend(subtask.to_le_bytes());
            bytes.extend(block.first_group.to_le_bytes());
            bytes.extend(block.last_group.to_le_bytes());
            bytes.extend(block.offset.to_le_bytes());
            bytes.extend(block.n_bytes.to_le_bytes());
            bytes.extend(block.n_raw_bytes.to_le_bytes());
            bytes.extend(block.n_rows.to_le_bytes());
            bytes.extend(block.checksum.to_le_bytes());
        }
        bytes
    }

    /// Reads an index that lies at `offset`, behind a header of `header_bytes`.
    pub fn decode(bytes: &[u8], offset: u64, header_bytes: u64) -> Result<Index, Flaw> {
        let broken = || Flaw::Broken("the index makes no sense");
        let mut input = Input(bytes);
        let head = (|| Some((input.u16()?, input.u64()?, input.u32()?)))();
        let (max_parallelism, header_checksum, n_blocks) = head.ok_or_else(broken)?;
        if Some(input.0.len()) != (n_blocks as usize).checked_mul(ENTRY_BYTES) {
            return Err(broken());
        }
        let mut blocks = Vec::with_capacity(n_blocks as usize);
        let mut end = header_bytes;
        while !input.0.is_empty() {
            let block = input.block().ok_or_else(broken)?;
            let follows = block.offset == end && block.first_group <= block.last_group;
            let next = block.offset.checked_add(block.n_bytes);
            end = next.filter(|next| follows && *next <= offset).ok_or_else(broken)?;
            blocks.push(block);
        }
        if end != offset {
            return Err(broken());
        }
        Ok(Index { max_parallelism, header_checksum, blocks })
    }
}

/// The trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub index_offset: u64,
    pub n_index_bytes: u64,
    pub checksum: u64,
}

impl Trailer {
    /// The bytes at the end of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TRAILER_BYTES);
        bytes.extend(self.index_offset.to_le_bytes());
        bytes.extend(self.n_index_bytes.to_le_bytes());
        bytes.extend(self.checksum.to_le_bytes());
        bytes.extend(END_MAGIC);
        bytes
    }

    /// Reads the trailer of a file of that size, whose index must hash to `checksum`.
    pub fn decode(bytes: &[u8], file_bytes: u64, checksum: u64) -> Result<Trailer, Flaw> {
        let mut input = Input(bytes);
        let parts = (|| Some((input.u64()?, input.u64()?, input.u64()?)))();
        let is_whole = input.0 == END_MAGIC;
        let Some((index_offset, n_index_bytes, found)) = parts.filter(|_| is_whole) else {
            return Err(Flaw::Broken("does not end like one"));
        };
        let index_end = index_offset.checked_add(n_index_bytes);
        let file_end = index_end.and_then(|end| end.checked_add(TRAILER_BYTES as u64));
        if file_end != Some(file_bytes) {
            return Err(Flaw::Broken("the index is not where it should be"));
        }
        if found != checksum {
            return Err(Flaw::Broken("it is not the one the checkpoint speaks of"));
        }
        Ok(Trailer { index_offset, n_index_bytes, checksum })
    }

    /// Whether these are the bytes of the index.
    pub fn fits(&self, index: &[u8]) -> bool {
        xxh3_64(index) == self.checksum
    }
}

/// Bytes still to be read; `None` where they end too soon.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn block(&mut self) -> Option<BlockEntry> {
        let operator = OperatorId(self.u64()?);
        let subtask = SubtaskIndex(usize::try_from(self.u32()?).ok()?);
        Some(BlockEntry {
            section: SectionId { operator, subtask },
            first_group: self.u16()?,
            last_group: self.u16()?,
            offset: self.u64()?,
            n_bytes: self.u64()?,
            n_raw_bytes: self.u64()?,
            n_rows: self.u32()?,
            checksum: self.u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_format_says_who_wrote_it() {
        let mut header = encode_header();
        let length = header.len();
        assert_eq!(decode_header(&header), Ok(length));
        header[MAGIC.len()] = 2;
        let flaw = decode_header(&header).unwrap_err();
        let error = flaw.of("segment/1-0");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR5109"));
        let written = format!("has format 2, written by Argus {}", env!("CARGO_PKG_VERSION"));
        assert!(error.to_string().contains(&written), "{error}");
    }

    #[test]
    fn blocks_leave_no_gap() {
        let section = SectionId { operator: OperatorId(1), subtask: SubtaskIndex(2) };
        let block = |offset, n_bytes| BlockEntry {
            section,
            first_group: 0,
            last_group: 3,
            offset,
            n_bytes,
            n_raw_bytes: 9,
            n_rows: 1,
            checksum: 7,
        };
        let index = |blocks| Index { max_parallelism: 128, header_checksum: 5, blocks };
        let good = index(vec![block(10, 5), block(15, 1)]);
        assert_eq!(Index::decode(&good.encode(), 16, 10).unwrap(), good);
        assert!(Index::decode(&good.encode(), 17, 10).is_err());
        assert!(Index::decode(&good.encode(), 16, 9).is_err());
        assert!(Index::decode(&good.encode()[..70], 16, 10).is_err());
        let torn = index(vec![block(10, 5), block(16, 1)]);
        assert!(Index::decode(&torn.encode(), 17, 10).is_err());
        let endless = index(vec![block(10, u64::MAX)]);
        assert!(Index::decode(&endless.encode(), 17, 10).is_err());
    }
}
