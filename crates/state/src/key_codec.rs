//! Keys as bytes: the stable form that is hashed, compared and written to snapshots.
//!
//! A key is its columns one after the other. A column is a byte 0 for NULL, or a byte 1 and the
//! value: fixed-width values little-endian, BOOLEAN as one byte, texts and bytes as a 32-bit
//! length and their bytes, ROWs as their fields, ARRAYs and MAPs as a 32-bit count and their
//! elements. Every NaN is written as one, since they are equal as keys in Flink; −0 and 0 are
//! not. The form must never change: it decides key groups.

use std::sync::Arc;

use argus_base::{Error, Result};
use arrow_array::builder::{BinaryViewBuilder, BooleanBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float32Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, ListArray, MapArray, NullArray, PrimitiveArray, StructArray,
    downcast_primitive_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Fields};

/// Encodes and decodes keys of one list of column types.
#[derive(Clone, Debug)]
pub struct KeyCodec {
    types: Vec<DataType>,
}

/// The encoded keys of a batch; reused from batch to batch.
#[derive(Debug, Default)]
pub struct EncodedKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl EncodedKeys {
    /// The key of row `index`.
    pub fn key(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.key(index))
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl KeyCodec {
    /// A codec for keys of these Arrow types, in order.
    pub fn new(types: Vec<DataType>) -> KeyCodec {
        KeyCodec { types }
    }

    /// Encodes row after row into `keys`, whose former content is dropped. `columns` have the
    /// codec's types and `n_rows` rows each.
    pub fn encode(&self, columns: &[ArrayRef], n_rows: usize, keys: &mut EncodedKeys) {
        debug_assert_eq!(columns.len(), self.types.len());
        keys.bytes.clear();
        keys.ends.clear();
        let writers: Vec<ValueWriter> = columns.iter().map(ValueWriter::new).collect();
        for row in 0..n_rows {
            for writer in &writers {
                writer.write(row, &mut keys.bytes);
            }
            keys.ends.push(keys.bytes.len());
        }
    }

    /// The columns of encoded keys, in order.
    pub fn decode<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let mut readers: Vec<&[u8]> = keys.collect();
        self.types.iter().map(|data_type| decode_column(data_type, &mut readers)).collect()
    }
}

/// A column with its type looked at once.
enum ValueWriter<'a> {
    Texts(&'a arrow_array::StringViewArray),
    Longs(&'a PrimitiveArray<arrow_array::types::Int64Type>),
    Ints(&'a PrimitiveArray<arrow_array::types::Int32Type>),
    Any(&'a ArrayRef),
}

impl<'a> ValueWriter<'a> {
    fn new(column: &'a ArrayRef) -> ValueWriter<'a> {
        match column.data_type() {
            DataType::Utf8View => ValueWriter::Texts(column.as_string_view()),
            DataType::Int64 => ValueWriter::Longs(column.as_primitive()),
            DataType::Int32 => ValueWriter::Ints(column.as_primitive()),
            _ => ValueWriter::Any(column),
        }
    }

    #[inline]
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let is_null = match self {
            ValueWriter::Texts(array) => array.is_null(row),
            ValueWriter::Longs(array) => array.is_null(row),
            ValueWriter::Ints(array) => array.is_null(row),
            ValueWriter::Any(array) => array.is_null(row) || *array.data_type() == DataType::Null,
        };
        if is_null {
            out.push(0);
            return;
        }
        out.push(1);
        match self {
            ValueWriter::Texts(array) => write_bytes(array.value(row).as_bytes(), out),
            ValueWriter::Longs(array) => out.extend_from_slice(&array.value(row).to_le_bytes()),
            ValueWriter::Ints(array) => out.extend_from_slice(&array.value(row).to_le_bytes()),
            ValueWriter::Any(array) => write_value(array, row, out),
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).expect("a value of Arrow views has less than 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn write_nested(array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    ValueWriter::new(array).write(row, out);
}

/// Writes a value that is not NULL.
fn write_value(array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match array.data_type() {
        DataType::Utf8View => write_bytes(array.as_string_view().value(row).as_bytes(), out),
        DataType::BinaryView => write_bytes(array.as_binary_view().value(row), out),
        DataType::Boolean => out.push(u8::from(array.as_boolean().value(row))),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            let canonical = if value.is_nan() { f32::NAN } else { value };
            out.extend_from_slice(&canonical.to_le_bytes());
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            let canonical = if value.is_nan() { f64::NAN } else { value };
            out.extend_from_slice(&canonical.to_le_bytes());
        }
        DataType::Struct(_) => {
            for column in array.as_struct().columns() {
                write_nested(column, row, out);
            }
        }
        DataType::List(_) => write_elements(&array.as_list::<i32>().value(row), out),
        DataType::Map(..) => {
            let entries: ArrayRef = Arc::new(array.as_map().value(row));
            write_elements(&entries, out);
        }
        _ => downcast_primitive_array!(
            array => write_native(array, row, out),
            other => unreachable!("no logical type has the Arrow type {other}")
        ),
    }
}

fn write_elements(elements: &ArrayRef, out: &mut Vec<u8>) {
    let count = u32::try_from(elements.len()).expect("a list has less than 2^31 elements");
    out.extend_from_slice(&count.to_le_bytes());
    for index in 0..elements.len() {
        write_nested(elements, index, out);
    }
}

fn write_native<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize, out: &mut Vec<u8>) {
    use arrow_buffer::ToByteSlice;
    // Arrow natives are little-endian on every machine this runs on.
    out.extend_from_slice([array.value(row)].to_byte_slice());
}

fn truncated() -> Error {
    Error::new(argus_base::ErrorKind::Corrupt, "AR5001", "an encoded key is cut short")
}

fn take<'a>(reader: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    let (head, rest) = reader.split_at_checked(length).ok_or_else(truncated)?;
    *reader = rest;
    Ok(head)
}

fn take_flag(reader: &mut &[u8]) -> Result<bool> {
    Ok(take(reader, 1)?[0] != 0)
}

fn take_length(reader: &mut &[u8]) -> Result<usize> {
    let bytes = take(reader, 4)?;
    Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| truncated())?) as usize)
}

/// Decodes one column and moves every reader behind it.
fn decode_column(data_type: &DataType, readers: &mut [&[u8]]) -> Result<ArrayRef> {
    match data_type {
        DataType::Null => decode_nulls(readers),
        DataType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(readers.len());
            for reader in readers {
                let value = if take_flag(reader)? { Some(take_flag(reader)?) } else { None };
                builder.append_option(value);
            }
            Ok(Arc::new(builder.finish()))
        }
        DataType::Utf8View => {
            let mut builder = StringViewBuilder::with_capacity(readers.len());
            for reader in readers {
                let bytes = take_bytes(reader)?;
                let text = bytes.map(std::str::from_utf8).transpose();
                builder.append_option(text.map_err(|_| truncated())?);
            }
            Ok(Arc::new(builder.finish()))
        }
        DataType::BinaryView => {
            let mut builder = BinaryViewBuilder::with_capacity(readers.len());
            for reader in readers {
                builder.append_option(take_bytes(reader)?);
            }
            Ok(Arc::new(builder.finish()))
        }
        DataType::Struct(fields) => decode_struct(fields, readers),
        DataType::List(field) => {
            let (elements, offsets, nulls) = decode_elements(field.data_type(), readers)?;
            Ok(Arc::new(ListArray::try_new(field.clone(), offsets, elements, nulls)?))
        }
        DataType::Map(field, ordered) => {
            let (entries, offsets, nulls) = decode_elements(field.data_type(), readers)?;
            let entries = entries.as_struct().clone();
            let entries =
                StructArray::try_new(entries.fields().clone(), entries.columns().to_vec(), None)?;
            Ok(Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, *ordered)?))
        }
        _ => decode_fixed(data_type, readers),
    }
}

fn decode_nulls(readers: &mut [&[u8]]) -> Result<ArrayRef> {
    let length = readers.len();
    for reader in readers {
        take_flag(reader)?;
    }
    Ok(Arc::new(NullArray::new(length)))
}

fn take_bytes<'a>(reader: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    if !take_flag(reader)? {
        return Ok(None);
    }
    let length = take_length(reader)?;
    take(reader, length).map(Some)
}

fn decode_struct(fields: &Fields, readers: &mut [&[u8]]) -> Result<ArrayRef> {
    let mut valid = Vec::with_capacity(readers.len());
    for reader in &mut *readers {
        valid.push(take_flag(reader)?);
    }
    // The fields of a NULL row were not written: they are read from a key of NULLs instead.
    let null_fields = vec![0; fields.len()];
    let mut inner: Vec<&[u8]> = Vec::with_capacity(readers.len());
    for (reader, is_valid) in readers.iter().zip(&valid) {
        inner.push(if *is_valid { reader } else { &null_fields });
    }
    let columns = fields.iter().map(|field| decode_column(field.data_type(), &mut inner));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    for ((reader, rest), is_valid) in readers.iter_mut().zip(&inner).zip(&valid) {
        if *is_valid {
            let consumed = reader.len() - rest.len();
            *reader = &reader[consumed..];
        }
    }
    let fields: Fields =
        fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let nulls = NullBuffer::from(valid);
    Ok(Arc::new(StructArray::try_new_with_length(fields, columns, Some(nulls), readers.len())?))
}

type Elements = (ArrayRef, OffsetBuffer<i32>, Option<NullBuffer>);

fn decode_elements(element: &DataType, readers: &mut [&[u8]]) -> Result<Elements> {
    let mut lengths = Vec::with_capacity(readers.len());
    let mut valid = Vec::with_capacity(readers.len());
    let mut parts: Vec<ArrayRef> = Vec::new();
    for reader in readers {
        let is_valid = take_flag(reader)?;
        let count = if is_valid { take_length(reader)? } else { 0 };
        for _ in 0..count {
            let mut one = [*reader];
            parts.push(decode_column(element, &mut one)?);
            *reader = one[0];
        }
        valid.push(is_valid);
        lengths.push(count);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let elements = match parts.is_empty() {
        true => arrow_array::new_empty_array(element),
        false => arrow_select::concat::concat(&parts)?,
    };
    Ok((elements, OffsetBuffer::from_lengths(lengths), Some(NullBuffer::from(valid))))
}

fn decode_fixed(data_type: &DataType, readers: &mut [&[u8]]) -> Result<ArrayRef> {
    let width = data_type
        .primitive_width()
        .ok_or_else(|| Error::bug(format!("no logical type has the Arrow type {data_type}")))?;
    let mut bytes = Vec::with_capacity(readers.len() * width);
    let mut valid = Vec::with_capacity(readers.len());
    for reader in readers {
        let is_valid = take_flag(reader)?;
        if is_valid {
            bytes.extend_from_slice(take(reader, width)?);
        } else {
            bytes.resize(bytes.len() + width, 0);
        }
        valid.push(is_valid);
    }
    let data = arrow_data::ArrayData::builder(data_type.clone())
        .len(valid.len())
        .add_buffer(aligned(&bytes, width))
        .nulls(Some(NullBuffer::from(valid)))
        .build()?;
    Ok(arrow_array::make_array(data))
}

/// Arrow's own buffers are aligned for every primitive type.
fn aligned(bytes: &[u8], width: usize) -> arrow_buffer::Buffer {
    let mut buffer = arrow_buffer::MutableBuffer::new(bytes.len().max(width));
    buffer.extend_from_slice(bytes);
    buffer.into()
}

#[cfg(test)]
mod tests {
    use arrow_array::{BooleanArray, Decimal128Array, Float64Array, Int64Array, StringViewArray};

    use super::*;

    fn round_trip(columns: Vec<ArrayRef>) -> Vec<ArrayRef> {
        let n_rows = columns[0].len();
        let codec = KeyCodec::new(columns.iter().map(|c| c.data_type().clone()).collect());
        let mut keys = EncodedKeys::default();
        codec.encode(&columns, n_rows, &mut keys);
        codec.decode((0..n_rows).map(|row| keys.key(row))).unwrap()
    }

    #[test]
    fn decodes_what_it_encodes() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(1), None, Some(-5)])),
            Arc::new(StringViewArray::from(vec![
                Some("a longer text than twelve"),
                Some(""),
                None,
            ])),
            Arc::new(BooleanArray::from(vec![None, Some(true), Some(false)])),
            Arc::new(
                Decimal128Array::from(vec![Some(1), None, Some(7)])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ];
        let decoded = round_trip(columns.clone());
        for (before, after) in columns.iter().zip(&decoded) {
            assert_eq!(before.to_data(), after.to_data());
        }
    }

    #[test]
    fn nested_values_survive() {
        let fields: Fields = vec![
            arrow_schema::Field::new("x", DataType::Int64, true),
            arrow_schema::Field::new("y", DataType::Utf8View, true),
        ]
        .into();
        let inner: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![1, 2])),
            Arc::new(StringViewArray::from(vec![None, Some("two")])),
        ];
        let nulls = NullBuffer::from(vec![true, false]);
        let row: ArrayRef = Arc::new(StructArray::try_new(fields, inner, Some(nulls)).unwrap());
        let after: ArrayRef = Arc::new(Int64Array::from(vec![8, 9]));
        let decoded = round_trip(vec![row, after.clone()]);
        assert!(decoded[0].is_valid(0) && decoded[0].is_null(1));
        assert_eq!(
            decoded[0]
                .as_struct()
                .column(0)
                .as_primitive::<arrow_array::types::Int64Type>()
                .value(0),
            1
        );
        assert_eq!(&decoded[1], &after);
    }

    #[test]
    fn nan_is_one_key_and_negative_zero_another_than_zero() {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN]));
        let codec = KeyCodec::new(vec![DataType::Float64]);
        let mut keys = EncodedKeys::default();
        codec.encode(&[column], 4, &mut keys);
        assert_ne!(keys.key(0), keys.key(1));
        assert_eq!(keys.key(2), keys.key(3));
    }

    #[test]
    fn cut_keys_are_corrupt() {
        let codec = KeyCodec::new(vec![DataType::Int64]);
        let error = codec.decode([[1_u8, 2].as_slice()].into_iter()).unwrap_err();
        assert_eq!(error.kind(), argus_base::ErrorKind::Corrupt);
    }
}
