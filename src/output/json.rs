//! The JSON form of a changelog: one object a row, `{"op":"+I","row":{"column":value,…}}`.
//!
//! Forms of values: numbers as JSON numbers (NaN and the infinities as text), DECIMAL as plain
//! text, TIMESTAMP as `yyyy-MM-dd HH:mm:ss[.f…]`, TIMESTAMP_LTZ the same in UTC with a final Z,
//! BYTES as base64, ROW as an object, ARRAY as an array, MAP and MULTISET as objects in order of
//! the keys' text, all else as Java prints it.
//!
//! An array's type is looked up once a batch, not once a row: [`Cells`] is the column after that.

use argus_base::{Batch, Field, LogicalType, TypeRoot};
use argus_connectors::row_text;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, ListArray, MapArray, StringViewArray,
    StructArray,
};
use arrow_schema::TimeUnit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::number::{write_decimal, write_float, write_integer};
use super::time::write_timestamp;

/// Appends a line for each row of a batch of these columns.
pub fn write_batch(out: &mut Vec<u8>, fields: &[Field], batch: &Batch) {
    let columns = Columns::new(fields, batch.records.columns());
    for index in 0..batch.n_rows() {
        out.extend_from_slice(b"{\"op\":\"");
        out.extend_from_slice(batch.kind(index).short().as_bytes());
        out.extend_from_slice(b"\",\"row\":");
        columns.write_row(out, index);
        out.extend_from_slice(b"}\n");
    }
}

/// Appends one value of an array of that type.
pub fn write_value(out: &mut Vec<u8>, logical_type: &LogicalType, array: &dyn Array, index: usize) {
    Cells::new(logical_type, array).write(out, index);
}

/// Appends a JSON string.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// The columns of a batch, or the fields of a ROW.
struct Columns<'a>(Vec<Column<'a>>);

struct Column<'a> {
    /// `"name":`
    key: Vec<u8>,
    cells: Cells<'a>,
}

impl<'a> Columns<'a> {
    fn new(fields: &'a [Field], arrays: &'a [ArrayRef]) -> Columns<'a> {
        let columns = fields.iter().zip(arrays).map(|(field, array)| {
            let mut key = Vec::with_capacity(field.name.len() + 3);
            write_text(&mut key, &field.name);
            key.push(b':');
            Column { key, cells: Cells::new(&field.logical_type, array.as_ref()) }
        });
        Columns(columns.collect())
    }

    fn write_row(&self, out: &mut Vec<u8>, index: usize) {
        out.push(b'{');
        for (i, column) in self.0.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&column.key);
            column.cells.write(out, index);
        }
        out.push(b'}');
    }
}

/// A column of a known type, ready to be written value by value.
struct Cells<'a> {
    array: &'a dyn Array,
    values: Values<'a>,
}

enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    TinyInt(&'a [i8]),
    SmallInt(&'a [i16]),
    Int(&'a [i32]),
    BigInt(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal(&'a [i128], u8),
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Timestamp {
        values: &'a [i64],
        units_per_second: i64,
        is_utc: bool,
    },
    Array(&'a ListArray, &'a LogicalType),
    Map(&'a MapArray, &'a LogicalType, LogicalType),
    Row(Columns<'a>),
    /// As Java prints it.
    Java(&'a LogicalType),
}

impl<'a> Cells<'a> {
    fn new(logical_type: &'a LogicalType, array: &'a dyn Array) -> Cells<'a> {
        let values = match &logical_type.root {
            TypeRoot::Null => Values::Null,
            TypeRoot::Boolean => Values::Boolean(array.as_boolean()),
            TypeRoot::TinyInt => Values::TinyInt(array.as_primitive::<Int8Type>().values()),
            TypeRoot::SmallInt => Values::SmallInt(array.as_primitive::<Int16Type>().values()),
            TypeRoot::Int => Values::Int(array.as_primitive::<Int32Type>().values()),
            TypeRoot::BigInt => Values::BigInt(array.as_primitive::<Int64Type>().values()),
            TypeRoot::Float => Values::Float(array.as_primitive::<Float32Type>().values()),
            TypeRoot::Double => Values::Double(array.as_primitive::<Float64Type>().values()),
            TypeRoot::Decimal { scale, .. } => {
                Values::Decimal(array.as_primitive::<Decimal128Type>().values(), *scale)
            }
            TypeRoot::Char(_) | TypeRoot::VarChar(_) => Values::Text(array.as_string_view()),
            TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => Values::Bytes(array.as_binary_view()),
            TypeRoot::Timestamp { .. } => timestamps(array, false),
            TypeRoot::TimestampLtz { .. } => timestamps(array, true),
            TypeRoot::Array(element) => Values::Array(array.as_list(), element),
            TypeRoot::Map(key, value) => Values::Map(array.as_map(), key, value.as_ref().clone()),
            TypeRoot::Multiset(element) => {
                Values::Map(array.as_map(), element, TypeRoot::Int.not_null())
            }
            TypeRoot::Row(fields) => {
                let row: &StructArray = array.as_struct();
                Values::Row(Columns::new(fields, row.columns()))
            }
            TypeRoot::Date
            | TypeRoot::Time(_)
            | TypeRoot::IntervalYearMonth
            | TypeRoot::IntervalDayTime => Values::Java(logical_type),
        };
        Cells { array, values }
    }

    fn write(&self, out: &mut Vec<u8>, index: usize) {
        if self.array.is_null(index) {
            return out.extend_from_slice(b"null");
        }
        match &self.values {
            Values::Null => out.extend_from_slice(b"null"),
            Values::Boolean(values) if values.value(index) => out.extend_from_slice(b"true"),
            Values::Boolean(_) => out.extend_from_slice(b"false"),
            Values::TinyInt(values) => write_integer(out, values[index].into()),
            Values::SmallInt(values) => write_integer(out, values[index].into()),
            Values::Int(values) => write_integer(out, values[index].into()),
            Values::BigInt(values) => write_integer(out, values[index]),
            Values::Float(values) => write_float(out, values[index]),
            Values::Double(values) => write_float(out, values[index]),
            Values::Text(values) => write_text(out, values.value(index)),
            other => other.write_long_form(out, self.array, index),
        }
    }
}

impl Values<'_> {
    /// The forms that cost more than a call.
    fn write_long_form(&self, out: &mut Vec<u8>, array: &dyn Array, index: usize) {
        match self {
            Values::Decimal(values, scale) => {
                out.push(b'"');
                write_decimal(out, values[index], *scale);
                out.push(b'"');
            }
            Values::Bytes(values) => {
                let encoded = STANDARD.encode(values.value(index));
                write_text(out, &encoded);
            }
            Values::Timestamp { values, units_per_second, is_utc } => {
                out.push(b'"');
                write_timestamp(out, values[index], *units_per_second);
                out.extend_from_slice(if *is_utc { b"Z\"" } else { b"\"" });
            }
            Values::Array(lists, element) => write_array(out, element, &lists.value(index)),
            Values::Map(maps, key, value) => write_map(out, key, value, &maps.value(index)),
            Values::Row(columns) => columns.write_row(out, index),
            Values::Java(logical_type) => {
                let mut text = String::new();
                row_text::write_value(&mut text, logical_type, array, index);
                write_text(out, &text);
            }
            _ => unreachable!("Cells::write has the short forms"),
        }
    }
}

fn timestamps(array: &dyn Array, is_utc: bool) -> Values<'_> {
    let (values, units_per_second) = match array.data_type() {
        arrow_schema::DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            (array.as_primitive::<TimestampNanosecondType>().values(), 1_000_000_000)
        }
        arrow_schema::DataType::Timestamp(TimeUnit::Microsecond, _) => {
            (array.as_primitive::<TimestampMicrosecondType>().values(), 1_000_000)
        }
        _ => (array.as_primitive::<TimestampMillisecondType>().values(), 1_000),
    };
    Values::Timestamp { values, units_per_second, is_utc }
}

fn write_array(out: &mut Vec<u8>, element: &LogicalType, values: &ArrayRef) {
    let cells = Cells::new(element, values.as_ref());
    out.push(b'[');
    for index in 0..values.len() {
        if index > 0 {
            out.push(b',');
        }
        cells.write(out, index);
    }
    out.push(b']');
}

/// In order of the keys' text; of equal keys the last stays, as in a map of Java.
fn write_map(out: &mut Vec<u8>, key: &LogicalType, value: &LogicalType, entries: &StructArray) {
    let (keys, values) = (entries.column(0), entries.column(1));
    let mut sorted = std::collections::BTreeMap::new();
    for index in 0..entries.len() {
        let mut text = String::new();
        row_text::write_value(&mut text, key, keys.as_ref(), index);
        sorted.insert(text, index);
    }
    let cells = Cells::new(value, values.as_ref());
    out.push(b'{');
    for (i, (text, index)) in sorted.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_text(out, text);
        out.push(b':');
        cells.write(out, *index);
    }
    out.push(b'}');
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
