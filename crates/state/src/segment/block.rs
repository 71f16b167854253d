//! Blocks: a record batch as an Arrow IPC stream, compressed.

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

/// Encodes blocks, one after the other.
pub(super) struct BlockEncoder {
    compressor: Compressor<'static>,
    stream: Vec<u8>,
}

/// What a block has become.
pub(super) struct EncodedBlock {
    pub bytes: Vec<u8>,
    /// Before compression.
    pub n_raw_bytes: usize,
}

impl BlockEncoder {
    pub fn new() -> Result<BlockEncoder> {
        let compressor = Compressor::new(LEVEL).map_err(|error| Error::bug(error.to_string()))?;
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
        let compressed = self.compressor.compress(&self.stream);
        let bytes = compressed.map_err(|error| Error::bug(error.to_string()))?;
        Ok(EncodedBlock { bytes, n_raw_bytes: self.stream.len() })
    }
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
