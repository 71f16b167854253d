//! Columns being encoded: arrays with their logical types, downcast once a batch.

use argus_base::{Error, LogicalType, Result, TypeRoot};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{Array, ArrayRef, BinaryViewArray, BooleanArray, StringViewArray};
use arrow_buffer::NullBuffer;
use arrow_schema::TimeUnit;

/// One column of rows to be encoded.
pub(crate) struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    /// The values, those under nulls included.
    pub values: CellValues<'a>,
}

/// The values of a column, by logical type.
pub(crate) enum CellValues<'a> {
    Null,
    Boolean(&'a BooleanArray),
    TinyInt(&'a [i8]),
    SmallInt(&'a [i16]),
    Int(&'a [i32]),
    BigInt(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal { unscaled: &'a [i128], scale: u8 },
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Date(&'a [i32]),
    Time(&'a [i32]),
    Timestamp { values: &'a [i64], unit: TimeUnit, local: bool },
    IntervalMonths(&'a [i32]),
    IntervalMillis(&'a [i64]),
    List { offsets: &'a [i32], element: Box<Cells<'a>> },
    Map { offsets: &'a [i32], keys: Box<Cells<'a>>, values: Box<Cells<'a>> },
    Row(Vec<Cells<'a>>),
}

impl<'a> Cells<'a> {
    /// The array as a column of that type. An error means that it is none.
    pub fn new(array: &'a ArrayRef, logical_type: &LogicalType) -> Result<Cells<'a>> {
        if *array.data_type() != logical_type.to_arrow() {
            return Err(Error::bug(format!(
                "a column of type {logical_type} to be encoded is an array of {}",
                array.data_type()
            )));
        }
        Cells::of(array, logical_type)
    }

    fn of(array: &'a ArrayRef, logical_type: &LogicalType) -> Result<Cells<'a>> {
        let values = match &logical_type.root {
            TypeRoot::Null => CellValues::Null,
            TypeRoot::Boolean => CellValues::Boolean(array.as_boolean()),
            TypeRoot::TinyInt => CellValues::TinyInt(array.as_primitive::<Int8Type>().values()),
            TypeRoot::SmallInt => CellValues::SmallInt(array.as_primitive::<Int16Type>().values()),
            TypeRoot::Int => CellValues::Int(array.as_primitive::<Int32Type>().values()),
            TypeRoot::BigInt => CellValues::BigInt(array.as_primitive::<Int64Type>().values()),
            TypeRoot::Float => CellValues::Float(array.as_primitive::<Float32Type>().values()),
            TypeRoot::Double => CellValues::Double(array.as_primitive::<Float64Type>().values()),
            TypeRoot::Decimal { scale, .. } => {
                let unscaled = array.as_primitive::<Decimal128Type>().values();
                CellValues::Decimal { unscaled, scale: *scale }
            }
            TypeRoot::Char(_) | TypeRoot::VarChar(_) => CellValues::Text(array.as_string_view()),
            TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => {
                CellValues::Bytes(array.as_binary_view())
            }
            TypeRoot::Date => CellValues::Date(array.as_primitive::<Date32Type>().values()),
            TypeRoot::Time(_) => {
                CellValues::Time(array.as_primitive::<Time32MillisecondType>().values())
            }
            TypeRoot::Timestamp { precision, .. } => timestamps(array, *precision, false),
            TypeRoot::TimestampLtz { precision, .. } => timestamps(array, *precision, true),
            TypeRoot::IntervalYearMonth => {
                CellValues::IntervalMonths(array.as_primitive::<IntervalYearMonthType>().values())
            }
            TypeRoot::IntervalDayTime => {
                CellValues::IntervalMillis(array.as_primitive::<DurationMillisecondType>().values())
            }
            TypeRoot::Array(element) => {
                let list = array.as_list::<i32>();
                let element = Box::new(Cells::of(list.values(), element)?);
                CellValues::List { offsets: list.value_offsets(), element }
            }
            TypeRoot::Map(key, value) => maps(array, key, value)?,
            TypeRoot::Multiset(element) => maps(array, element, &TypeRoot::Int.not_null())?,
            TypeRoot::Row(fields) => {
                let columns = array.as_struct().columns().iter().zip(fields);
                let cells: Result<_> =
                    columns.map(|(column, field)| Cells::of(column, &field.logical_type)).collect();
                CellValues::Row(cells?)
            }
        };
        Ok(Cells { nulls: array.nulls(), values })
    }

    /// Whether the value of that row is NULL.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
            || matches!(self.values, CellValues::Null)
    }
}

fn timestamps(array: &ArrayRef, precision: u8, local: bool) -> CellValues<'_> {
    let unit = argus_base::logical_type::timestamp_unit(precision);
    let values: &[i64] = match unit {
        TimeUnit::Second | TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().values()
        }
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
    };
    CellValues::Timestamp { values, unit, local }
}

fn maps<'a>(array: &'a ArrayRef, key: &LogicalType, value: &LogicalType) -> Result<CellValues<'a>> {
    let map = array.as_map();
    Ok(CellValues::Map {
        offsets: map.value_offsets(),
        keys: Box::new(Cells::of(map.keys(), key)?),
        values: Box::new(Cells::of(map.values(), value)?),
    })
}

/// The elements of row `row` of a list or map.
pub(crate) fn elements(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

/// Every column of a batch as cells.
pub(crate) fn all_cells<'a>(
    columns: &'a [ArrayRef],
    fields: &[argus_base::Field],
) -> Result<Vec<Cells<'a>>> {
    if columns.len() != fields.len() {
        return Err(Error::bug(format!(
            "{} columns to be encoded for {} fields",
            columns.len(),
            fields.len()
        )));
    }
    columns
        .iter()
        .zip(fields)
        .map(|(column, field)| Cells::new(column, &field.logical_type))
        .collect()
}
