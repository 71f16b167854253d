//! Avro container files: a header with the writer's schema, then blocks of records.
//!
//! The header is `Obj` and 1, a map with `avro.schema` and `avro.codec`, and a marker of 16
//! bytes. A block is the number of its records, its length in bytes, the records, compressed as
//! a whole, and the marker again.

use std::io::{BufReader, ErrorKind, Read};

use argus_base::{Error, Result};
use arrow_array::ArrayRef;
use arrow_buffer::Buffer;

use super::super::{
    BAD_FILE, Encoder, FILE_BATCH_BYTES, FileReader, FileWriter, MAX_FILE_BATCH_MESSAGES,
    MAX_FILE_MESSAGE_BYTES, READ_FAILED,
};
use super::codec::Codec;
use super::parse::parse;
use super::program::{Skip, compile_skip};
use super::schema::Schema;
use super::values::Reader;
use super::wire::{Cursor, write_long, write_sized};
use crate::message::MessageBatch;

const MAGIC: [u8; 4] = *b"Obj\x01";
const MARKER_BYTES: usize = 16;
/// The marker of the files we write. Nothing asks that files have different ones.
const MARKER: [u8; MARKER_BYTES] = *b"\x9d\xe1argus block\xb7\x02\x5c";
/// Bytes of records after which a block ends.
const BLOCK_BYTES: usize = 64_000;
/// Most records of a block that has fewer bytes than records.
const MAX_EMPTY_RECORDS: u64 = 1 << 20;

/// Reads records as messages.
pub(super) struct ContainerReader {
    input: BufReader<Box<dyn Read + Send>>,
    codec: Codec,
    marker: [u8; MARKER_BYTES],
    skip: Skip,
    /// The current block, the position in it, and the records left.
    block: Vec<u8>,
    at: usize,
    n_left: u64,
    /// What ended reading, told after the records before it.
    failure: Option<Error>,
}

impl ContainerReader {
    /// Reads the header; the schema is the writer's.
    pub fn open(input: Box<dyn Read + Send>) -> Result<(ContainerReader, Schema)> {
        let mut input = BufReader::with_capacity(64 << 10, input);
        if take(&mut input, MAGIC.len())? != MAGIC {
            return Err(bad("it is no Avro container file"));
        }
        let (mut schema, mut codec) = (None, Codec::Null);
        loop {
            let n_entries = long(&mut input)?;
            if n_entries == 0 {
                break;
            }
            if n_entries < 0 {
                long(&mut input)?;
            }
            for _ in 0..n_entries.unsigned_abs() {
                let key = sized(&mut input)?;
                let value = sized(&mut input)?;
                let text = || String::from_utf8_lossy(&value).into_owned();
                match key.as_slice() {
                    b"avro.schema" => schema = Some(text()),
                    b"avro.codec" => {
                        codec = Codec::named(&text()).ok_or_else(|| {
                            bad(format!(
                                "it is compressed with {}, which does not run here",
                                text()
                            ))
                        })?;
                    }
                    _ => {}
                }
            }
        }
        let schema = schema.ok_or_else(|| bad("it has no schema"))?;
        let schema = parse(&schema).map_err(|why| bad(format!("its schema: {why}")))?;
        let skip = compile_skip(&schema).map_err(|why| bad(format!("its schema: {why}")))?;
        let marker = marker(&mut input)?;
        let (block, failure) = (Vec::new(), None);
        let reader =
            ContainerReader { input, codec, marker, skip, block, at: 0, n_left: 0, failure };
        Ok((reader, schema))
    }

    /// Reads the next block; false at the end of the file.
    fn next_block(&mut self) -> Result<bool> {
        let mut first = [0];
        if read_some(&mut self.input, &mut first)? == 0 {
            return Ok(false);
        }
        let n_records = long_after(first[0], &mut self.input)?;
        let stored = sized(&mut self.input)?;
        if marker(&mut self.input)? != self.marker {
            return Err(bad("a block does not end in the file's marker"));
        }
        self.block = self.codec.decompress(stored).map_err(bad)?;
        self.at = 0;
        self.n_left =
            u64::try_from(n_records).map_err(|_| bad("a block of fewer than no records"))?;
        if self.n_left > MAX_EMPTY_RECORDS.max(self.block.len() as u64) {
            return Err(bad(format!(
                "a block of {} bytes says that it has {n_records} records",
                self.block.len()
            )));
        }
        Ok(true)
    }

    /// Appends the next record to `bytes`; false at the end of the file.
    fn next_record(&mut self, bytes: &mut Vec<u8>) -> Result<bool> {
        while self.n_left == 0 {
            if self.at != self.block.len() {
                return Err(bad("a block goes on after its last record"));
            }
            if !self.next_block()? {
                return Ok(false);
            }
        }
        let cursor = Cursor { data: &self.block, at: self.at, end: self.block.len() };
        let mut reader = Reader { cursor, checks_text: false };
        reader.skip(&self.skip).map_err(|problem| bad(problem.into_reason("record")))?;
        let end = reader.cursor.at;
        bytes.extend_from_slice(&self.block[self.at..end]);
        self.at = end;
        self.n_left -= 1;
        Ok(true)
    }
}

impl FileReader for ContainerReader {
    fn next_batch(&mut self) -> Result<Option<MessageBatch>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        while ends.len() < MAX_FILE_BATCH_MESSAGES && bytes.len() < FILE_BATCH_BYTES {
            match self.next_record(&mut bytes) {
                Ok(true) => ends.push(bytes.len() as u32),
                Ok(false) => break,
                Err(error) if ends.is_empty() => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        if ends.is_empty() {
            return Ok(None);
        }
        Ok(Some(MessageBatch { bytes: Buffer::from_vec(bytes), ends, nulls: None }))
    }
}

fn bad(why: impl AsRef<str>) -> Error {
    Error::data(BAD_FILE, format!("the Avro file cannot be read: {}", why.as_ref()))
}

/// Reads what there is, at least a byte unless the file ends.
fn read_some(input: &mut impl Read, out: &mut [u8]) -> Result<usize> {
    loop {
        match input.read(out) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(
                    Error::transient(READ_FAILED, error.to_string()).context("read the file")
                );
            }
            Ok(n_read) => return Ok(n_read),
        }
    }
}

/// Reads that many bytes. Memory grows with what is read, not with what a length says.
fn take(input: &mut impl Read, n_bytes: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match input.take(n_bytes as u64).read_to_end(&mut bytes) {
        Err(error) => {
            Err(Error::transient(READ_FAILED, error.to_string()).context("read the file"))
        }
        Ok(n_read) if n_read < n_bytes => Err(bad("it is cut off")),
        Ok(_) => Ok(bytes),
    }
}

fn marker(input: &mut impl Read) -> Result<[u8; MARKER_BYTES]> {
    let bytes = take(input, MARKER_BYTES)?;
    bytes.try_into().map_err(|_| bad("it is cut off"))
}

fn sized(input: &mut impl Read) -> Result<Vec<u8>> {
    let length = long(input)?;
    match usize::try_from(length) {
        Ok(length) if length <= MAX_FILE_MESSAGE_BYTES => take(input, length),
        _ => Err(bad(format!(
            "it says that something has {length} bytes; at most {MAX_FILE_MESSAGE_BYTES} are taken"
        ))),
    }
}

fn long(input: &mut impl Read) -> Result<i64> {
    let first = take(input, 1)?[0];
    long_after(first, input)
}

/// A long whose first byte has been read.
fn long_after(first: u8, input: &mut impl Read) -> Result<i64> {
    let mut bytes = vec![first];
    while bytes[bytes.len() - 1] >= 0x80 && bytes.len() <= 10 {
        bytes.extend(take(input, 1)?);
    }
    let mut cursor = Cursor { data: &bytes, at: 0, end: bytes.len() };
    cursor.long().map_err(|problem| bad(problem.into_reason("number")))
}

/// Writes records into blocks.
pub(super) struct ContainerWriter {
    encoder: Box<dyn Encoder>,
    codec: Codec,
    /// What begins the file, until it has been written.
    header: Vec<u8>,
    block: Vec<u8>,
    n_records: i64,
}

impl ContainerWriter {
    /// Writes the records an encoder makes; `schema` is theirs, as JSON.
    pub fn new(encoder: Box<dyn Encoder>, schema: &str, codec: Codec) -> ContainerWriter {
        let mut header = MAGIC.to_vec();
        write_long(&mut header, 2);
        write_sized(&mut header, b"avro.schema");
        write_sized(&mut header, schema.as_bytes());
        write_sized(&mut header, b"avro.codec");
        write_sized(&mut header, codec.name().as_bytes());
        write_long(&mut header, 0);
        header.extend_from_slice(&MARKER);
        ContainerWriter { encoder, codec, header, block: Vec::new(), n_records: 0 }
    }

    fn end_block(&mut self, out: &mut Vec<u8>) {
        if self.n_records == 0 {
            return;
        }
        write_long(out, self.n_records);
        write_sized(out, &self.codec.compress(&self.block));
        out.extend_from_slice(&MARKER);
        self.block.clear();
        self.n_records = 0;
    }
}

impl FileWriter for ContainerWriter {
    fn write(
        &mut self,
        columns: &[ArrayRef],
        n_rows: usize,
        out: &mut Vec<u8>,
    ) -> Result<Vec<(usize, String)>> {
        out.append(&mut self.header);
        let encoded = self.encoder.encode(columns, n_rows)?;
        let mut failures = encoded.failures.iter().map(|(row, _)| *row).peekable();
        let mut start = 0;
        for (row, end) in encoded.ends.into_iter().enumerate() {
            if failures.next_if_eq(&row).is_none() {
                self.block.extend_from_slice(&encoded.bytes[start..end]);
                self.n_records += 1;
                if self.block.len() >= BLOCK_BYTES {
                    self.end_block(out);
                }
            }
            start = end;
        }
        Ok(encoded.failures)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.header);
        self.end_block(out);
        Ok(())
    }
}
