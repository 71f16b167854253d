//! Blocks: a record batch as an Arrow IPC stream in a zstd frame.

use std::sync::Arc;

use argus_base::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, RecordBatch, StructArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::DataType;
use zstd::bulk::{Compressor, Decompressor};

/// Fast; higher levels are smaller by a tenth and slower by half.
const LEVEL: i32 = 1;

/// How a block is cut and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockStyle {
    /// It is cut at about as many bytes before compression.
    pub n_bytes: usize,
    /// But it has as many rows, if there are so many.
    pub min_rows: usize,
    /// Otherwise its frame holds the stream as it is, which takes room, but next to no time to
    /// read.
    pub is_compressed: bool,
}

/// Encodes blocks, one after the other.
pub(super) struct BlockEncoder {
    /// `None` for streams as they are.
    compressor: Option<Compressor<'static>>,
    stream: Vec<u8>,
}

/// What a block has become.
pub(super) struct EncodedBlock {
    pub bytes: Vec<u8>,
    /// Before compression.
    pub n_raw_bytes: usize,
}

impl BlockEncoder {
    pub fn new(is_compressed: bool) -> Result<BlockEncoder> {
        let compressor = is_compressed.then(|| Compressor::new(LEVEL)).transpose();
        let compressor = compressor.map_err(|error| Error::bug(error.to_string()))?;
        Ok(BlockEncoder { compressor, stream: Vec::new() })
    }

    /// Encodes a batch. Text and binary views keep what lies outside them in buffers that they may
    /// share with far more rows; only what the batch shows is written.
    pub fn encode(&mut self, batch: &RecordBatch) -> Result<EncodedBlock> {
        let columns = batch.columns().iter().map(compact).collect::<Result<Vec<_>>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(batch.schema(), columns, &options)?;
        self.stream.clear();
        let mut writer = StreamWriter::try_new(&mut self.stream, batch.schema_ref())?;
        writer.write(&batch)?;
        writer.finish()?;
        drop(writer);
        let bytes = match &mut self.compressor {
            Some(compressor) => {
                let compressed = compressor.compress(&self.stream);
                compressed.map_err(|error| Error::bug(error.to_string()))?
            }
            None => plain_frame(&self.stream)?,
        };
        Ok(EncodedBlock { bytes, n_raw_bytes: self.stream.len() })
    }
}

/// A zstd frame with the content as it is: in raw blocks behind a header that says its size
/// (RFC 8878, 3.1.1).
fn plain_frame(content: &[u8]) -> Result<Vec<u8>> {
    const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
    /// One segment, and a content size of four bytes.
    const DESCRIPTOR: u8 = 0b1010_0000;
    const MAX_BLOCK_BYTES: usize = 128 << 10;
    let n_bytes = u32::try_from(content.len());
    let n_bytes = n_bytes.map_err(|_| Error::bug("a block of state beyond 4 GiB"))?;
    let n_blocks = content.len().div_ceil(MAX_BLOCK_BYTES);
    let mut frame = Vec::with_capacity(content.len() + 9 + 3 * n_blocks);
    frame.extend(MAGIC);
    frame.push(DESCRIPTOR);
    frame.extend(n_bytes.to_le_bytes());
    for (n, block) in (1..).zip(content.chunks(MAX_BLOCK_BYTES)) {
        // Raw is type 0, between the flag of the last block and the size.
        let size = u32::try_from(block.len()).expect("at most 128 KiB");
        let header = (size << 3) | u32::from(n == n_blocks);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(block);
    }
    Ok(frame)
}

/// The array with views over buffers of its own.
fn compact(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(item.clone(), offsets, compact(list.values())?, nulls)?)
        }
        DataType::Struct(_) => Arc::new(compact_struct(array.as_struct())?),
        DataType::Map(entry, is_sorted) => {
            let map = array.as_map();
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let entries = compact_struct(map.entries())?;
            Arc::new(MapArray::try_new(entry.clone(), offsets, entries, nulls, *is_sorted)?)
        }
        _ => array.clone(),
    })
}

fn compact_struct(array: &StructArray) -> Result<StructArray> {
    let columns = array.columns().iter().map(compact).collect::<Result<Vec<_>>>()?;
    let (fields, nulls) = (array.fields().clone(), array.nulls().cloned());
    Ok(StructArray::try_new_with_length(fields, columns, nulls, array.len())?)
}

/// Decodes blocks, one after the other.
pub(super) struct BlockDecoder {
    decompressor: Decompressor<'static>,
}

impl BlockDecoder {
    pub fn new() -> Result<BlockDecoder> {
        let decompressor = Decompressor::new().map_err(|error| Error::bug(error.to_string()))?;
        Ok(BlockDecoder { decompressor })
    }

    /// Decodes a block whose bytes have been checked; says what is wrong where it cannot.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        n_raw_bytes: usize,
    ) -> std::result::Result<RecordBatch, String> {
        let stream = self.decompressor.decompress(bytes, n_raw_bytes);
        let stream = stream.map_err(|error| error.to_string())?;
        let mut stream = Buffer::from_vec(stream);
        let mut decoder = StreamDecoder::new();
        let batch = decoder.decode(&mut stream).map_err(|error| error.to_string())?;
        batch.ok_or_else(|| "no rows in a block".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_frames_are_frames() {
        for n_bytes in [1, 1_000, 128 << 10, (128 << 10) + 1, 700_000] {
            let content: Vec<u8> = (0..n_bytes).map(|n| (n % 251) as u8).collect();
            let frame = plain_frame(&content).unwrap();
            assert!(frame.len() < content.len() + 40);
            let mut decompressor = Decompressor::new().unwrap();
            assert_eq!(decompressor.decompress(&frame, content.len()).unwrap(), content);
        }
    }
}
