//! Rows of state, as seals give them, segments keep them and restores take them back: the columns
//! [`KEY_COLUMNS`] and the operator's own behind them.
//!
//! The schema says how the bytes in `key` are read: its metadata has an entry [`KEY_SCHEMA`].

use std::collections::HashMap;
use std::sync::Arc;

use argus_base::{Error, ErrorKind, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions,
    new_null_array,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::snapshot::KEY_COLUMNS;
use crate::{KeyCodec, SliceKey};

/// Metadata of a schema of rows of state: the schema of the key's columns, as an Arrow IPC stream
/// without batches, in hexadecimal digits.
pub const KEY_SCHEMA: &str = "argus.key";

/// The schema of rows of state with keys of those columns, and columns of the operator's own.
pub fn row_schema(keys: &Schema, columns: Vec<Field>) -> Result<SchemaRef> {
    let types = [DataType::Binary, DataType::Int64, DataType::Int64, DataType::Boolean];
    let named = KEY_COLUMNS.into_iter().zip(types);
    let mut fields: Vec<Field> = named.map(|(name, of)| Field::new(name, of, false)).collect();
    fields.extend(columns);
    let mut writer = StreamWriter::try_new(Vec::new(), keys)?;
    writer.finish()?;
    let bytes = writer.into_inner()?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let metadata = HashMap::from([(KEY_SCHEMA.to_owned(), digits)]);
    Ok(Arc::new(Schema::new(fields).with_metadata(metadata)))
}

/// The schema of the keys of rows of state.
pub fn key_schema(rows: &Schema) -> Result<SchemaRef> {
    let digits = rows.metadata().get(KEY_SCHEMA).ok_or_else(|| corrupt("lack their key schema"))?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    let bytes = bytes.ok_or_else(|| corrupt("have a torn key schema"))?;
    Ok(StreamReader::try_new(bytes.as_slice(), None)?.schema())
}

/// Rows of one slice, with the operator's own columns.
pub fn slice_rows(
    schema: &SchemaRef,
    slice: SliceKey,
    keys: BinaryArray,
    columns: Vec<ArrayRef>,
) -> Result<RecordBatch> {
    rows(schema, slice, (keys, false), columns)
}

/// Rows that say of keys that they were taken out of a slice.
pub fn deleted_rows(schema: &SchemaRef, slice: SliceKey, keys: BinaryArray) -> Result<RecordBatch> {
    let fields = schema.fields()[KEY_COLUMNS.len()..].iter();
    let columns = fields.map(|field| new_null_array(field.data_type(), keys.len())).collect();
    rows(schema, slice, (keys, true), columns)
}

fn rows(
    schema: &SchemaRef,
    slice: SliceKey,
    (keys, is_deleted): (BinaryArray, bool),
    columns: Vec<ArrayRef>,
) -> Result<RecordBatch> {
    let n_rows = keys.len();
    let constant = |value| -> ArrayRef { Arc::new(Int64Array::from_value(value, n_rows)) };
    let deleted = BooleanArray::from(vec![is_deleted; n_rows]);
    let mut all: Vec<ArrayRef> = vec![Arc::new(keys), constant(slice.end), constant(slice.start)];
    all.push(Arc::new(deleted));
    all.extend(columns);
    let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), all, &options)?)
}

/// The columns that rows of state begin with.
pub struct KeyColumns<'a> {
    /// Encoded keys.
    pub keys: &'a BinaryArray,
    ends: &'a [i64],
    starts: &'a [i64],
    /// Whether the key was taken out of its slice.
    pub deleted: &'a BooleanArray,
}

impl<'a> KeyColumns<'a> {
    /// The columns of a batch; `Corrupt` where it is not one of rows of state.
    pub fn of(rows: &'a RecordBatch) -> Result<KeyColumns<'a>> {
        let column = |index: usize| {
            let column = rows.column_by_name(KEY_COLUMNS[index]);
            column.filter(|column| column.null_count() == 0)
        };
        let longs =
            |index: usize| column(index).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let keys = column(0).and_then(|column| column.as_binary_opt::<i32>());
        let deleted = column(3).and_then(|column| column.as_boolean_opt());
        match (keys, longs(1), longs(2), deleted) {
            (Some(keys), Some(ends), Some(starts), Some(deleted)) => {
                Ok(KeyColumns { keys, ends: ends.values(), starts: starts.values(), deleted })
            }
            _ => Err(corrupt("lack the columns of their keys")),
        }
    }

    /// The slice of a row.
    #[inline]
    pub fn slice(&self, row: usize) -> SliceKey {
        SliceKey { end: self.ends[row], start: self.starts[row] }
    }
}

/// The rows for people and tools: the key's columns by their names in the place of `key`, and the
/// others behind them as they are.
pub fn readable(rows: &RecordBatch) -> Result<RecordBatch> {
    let keys = key_schema(&rows.schema())?;
    let codec = KeyCodec::new(keys.fields().iter().map(|f| f.data_type().clone()).collect());
    let encoded = KeyColumns::of(rows)?.keys;
    let mut columns = codec.decode((0..rows.num_rows()).map(|row| encoded.value(row)))?;
    let rows_schema = rows.schema();
    let others = rows_schema.fields().iter().zip(rows.columns());
    let others = others.filter(|(field, _)| field.name() != KEY_COLUMNS[0]);
    // Decoded NULLs may stand in columns that had none before the keys were grouped.
    let named = keys.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let mut fields: Vec<Field> = named.collect();
    for (field, column) in others {
        fields.push(field.as_ref().clone());
        columns.push(column.clone());
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "AR5001", format!("rows of state {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_codec::EncodedKeys;

    #[test]
    fn rows_tell_their_keys() {
        let keys = Schema::new(vec![
            Field::new("user", DataType::Utf8View, true),
            Field::new("n", DataType::Int64, false),
        ]);
        let count = Field::new("COUNT(*).0", DataType::Int64, true);
        let schema = row_schema(&keys, vec![count]).unwrap();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(arrow_array::StringViewArray::from(vec![Some("ann"), None])),
            Arc::new(Int64Array::from(vec![7, 8])),
        ];
        let codec = KeyCodec::new(columns.iter().map(|c| c.data_type().clone()).collect());
        let mut encoded = EncodedKeys::default();
        codec.encode(&columns, 2, &mut encoded);
        let encoded = BinaryArray::from_iter_values((0..2).map(|row| encoded.key(row)));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let slice = SliceKey { end: 20, start: 10 };
        let rows = slice_rows(&schema, slice, encoded, vec![counts.clone()]).unwrap();

        assert_eq!(key_schema(&rows.schema()).unwrap().as_ref(), &keys);
        assert_eq!(KeyColumns::of(&rows).unwrap().slice(1), slice);
        let shown = readable(&rows).unwrap();
        let names: Vec<&str> =
            shown.schema_ref().fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["user", "n", "slice_end", "slice_start", "deleted", "COUNT(*).0"]);
        assert_eq!(&shown.columns()[..2], &columns[..]);
        assert_eq!(shown.column(5), &counts);
    }
}
