//! Helpers of the formats' tests: rows as text.

use std::collections::BTreeMap;

use argus_base::connector::Projection;
use argus_base::option::Options;
use argus_base::{Field, LogicalType};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use super::{Decoded, FormatContext, lookup};
use crate::message::MessageBatch;

/// A field of that type.
pub(crate) fn field(name: &str, logical_type: LogicalType) -> Field {
    Field::new(name, logical_type)
}

/// Messages of these bodies; `None` is a tombstone.
pub(crate) fn messages(bodies: &[Option<&[u8]>]) -> MessageBatch {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for body in bodies {
        bytes.extend_from_slice(body.unwrap_or_default());
        ends.push(bytes.len() as u32);
    }
    let nulls = bodies.iter().map(Option::is_none).collect();
    MessageBatch { bytes: bytes.into(), ends, nulls: Some(nulls) }
}

/// Runs a closure with the context of a format, its options, and a schema.
pub(crate) fn with_context<T>(
    format: &str,
    options: &[(&str, &str)],
    schema: &[Field],
    projection: &Projection,
    run: impl FnOnce(&FormatContext<'_>) -> T,
) -> T {
    let format = lookup(format).expect("a known format");
    (format.spec.check_schema)(schema).expect("a schema the format takes");
    let written: BTreeMap<String, String> =
        options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let options = Options::check(format.spec.options.iter().copied(), &written).unwrap();
    run(&FormatContext { schema, projection, options: &options, time_zone: "UTC" })
}

/// Decodes bodies and prints rows, failures and counts, one a line.
pub(crate) fn decode(
    format: &str,
    options: &[(&str, &str)],
    schema: &[Field],
    projection: &Projection,
    bodies: &[Option<&[u8]>],
) -> Vec<String> {
    let decoded = with_context(format, options, schema, projection, |context| {
        let mut decoder = (lookup(format).unwrap().decoder)(context).unwrap();
        // Twice, so that what a decoder learns from a batch is used.
        decoder.decode(&messages(bodies)).unwrap();
        decoder.decode(&messages(bodies)).unwrap()
    });
    let wanted = projection.apply(schema);
    arrow_array::RecordBatch::try_new_with_options(
        argus_base::logical_type::arrow_schema(&wanted),
        decoded.columns.clone(),
        &arrow_array::RecordBatchOptions::new().with_row_count(Some(decoded.n_rows)),
    )
    .expect("columns of the declared types");
    print(&decoded)
}

/// Rows, failures and counts, one a line.
pub(crate) fn print(decoded: &Decoded) -> Vec<String> {
    let mut lines = Vec::new();
    for row in 0..decoded.n_rows {
        let cells: Vec<String> = decoded.columns.iter().map(|c| cell(c, row)).collect();
        let message = decoded.message_of_row.as_ref().map_or(row as u32, |messages| messages[row]);
        lines.push(format!("{message}: {}", cells.join(" | ")));
    }
    for failure in &decoded.failures {
        lines.push(format!("{} failed: {}", failure.message, failure.reason));
    }
    if decoded.n_ignored > 0 {
        lines.push(format!("{} ignored", decoded.n_ignored));
    }
    lines
}

/// One value as text.
pub(crate) fn cell(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return "NULL".to_owned();
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::BinaryView => format!("{:?}", array.as_binary_view().value(row)),
        DataType::Date32 => format!("day {}", array.as_primitive::<Date32Type>().value(row)),
        DataType::Time32(_) => {
            format!("{} ms", array.as_primitive::<Time32MillisecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            format!("{} ms", array.as_primitive::<TimestampMillisecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            format!("{} us", array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Timestamp(_, _) => {
            format!("{} ns", array.as_primitive::<TimestampNanosecondType>().value(row))
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            format!("{} months", array.as_primitive::<IntervalYearMonthType>().value(row))
        }
        DataType::Duration(_) => {
            format!("{} ms", array.as_primitive::<DurationMillisecondType>().value(row))
        }
        _ => nested_cell(array, row),
    }
}

fn nested_cell(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::List(_) => {
            let elements = array.as_list::<i32>().value(row);
            let cells: Vec<String> = (0..elements.len()).map(|i| cell(&elements, i)).collect();
            format!("[{}]", cells.join(", "))
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let cells: Vec<String> = (0..entries.len())
                .map(|i| format!("{}={}", cell(keys, i), cell(values, i)))
                .collect();
            format!("{{{}}}", cells.join(", "))
        }
        DataType::Struct(_) => {
            let cells: Vec<String> =
                array.as_struct().columns().iter().map(|column| cell(column, row)).collect();
            format!("({})", cells.join(", "))
        }
        other => panic!("no column is of type {other}"),
    }
}
