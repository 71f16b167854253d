//! Columns being decoded: one growing vector a leaf, with the rollback a bad message needs.
//!
//! Every column below a row has as many values as the row has rows, so its length says whether
//! the current row already has a value. A decoder appends to `values` and then calls
//! `mark_valid`; whatever a failed attempt left behind, `truncate` takes away.

use std::sync::Arc;

use argus_base::{LogicalType, Result, TypeRoot};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, DurationMillisecondType, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalYearMonthType,
    Time32MillisecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use arrow_array::{
    ArrayRef, BooleanArray, ListArray, MapArray, NullArray, PrimitiveArray, StructArray,
};
use arrow_buffer::{
    BooleanBufferBuilder, Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer,
};
use arrow_schema::{DataType, TimeUnit};

use super::views::Views;

/// One column.
pub(crate) struct Column {
    /// The values, those under nulls included.
    pub values: Values,
    validity: NullBufferBuilder,
    nullable: bool,
    data_type: DataType,
}

/// The values of a column, by logical type.
pub(crate) enum Values {
    Null(usize),
    Boolean(BooleanBufferBuilder),
    TinyInt(Vec<i8>),
    SmallInt(Vec<i16>),
    Int(Vec<i32>),
    BigInt(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Decimal { unscaled: Vec<i128>, precision: u8, scale: u8 },
    Text(Views),
    Bytes(Views),
    Date(Vec<i32>),
    Time(Vec<i32>),
    Timestamp { values: Vec<i64>, unit: TimeUnit, local: bool },
    IntervalMonths(Vec<i32>),
    IntervalMillis(Vec<i64>),
    List { offsets: Vec<i32>, element: Box<Column> },
    Map { offsets: Vec<i32>, keys: Box<Column>, values: Box<Column> },
    Row(Vec<Column>),
}

impl Column {
    /// An empty column.
    pub fn new(logical_type: &LogicalType) -> Column {
        Column {
            values: Values::new(&logical_type.root),
            validity: NullBufferBuilder::new(0),
            nullable: logical_type.nullable,
            data_type: logical_type.to_arrow(),
        }
    }

    /// Number of values.
    #[inline]
    pub fn len(&self) -> usize {
        self.validity.len()
    }

    /// Room for that many more values, elements not counted.
    pub fn reserve(&mut self, n_values: usize) {
        match &mut self.values {
            Values::Null(_) => {}
            Values::Boolean(values) => values.reserve(n_values),
            Values::TinyInt(values) => values.reserve(n_values),
            Values::SmallInt(values) => values.reserve(n_values),
            Values::Int(values)
            | Values::Date(values)
            | Values::Time(values)
            | Values::IntervalMonths(values) => values.reserve(n_values),
            Values::BigInt(values)
            | Values::Timestamp { values, .. }
            | Values::IntervalMillis(values) => values.reserve(n_values),
            Values::Float(values) => values.reserve(n_values),
            Values::Double(values) => values.reserve(n_values),
            Values::Decimal { unscaled, .. } => unscaled.reserve(n_values),
            Values::Text(views) | Values::Bytes(views) => views.reserve(n_values),
            Values::List { offsets, .. } | Values::Map { offsets, .. } => offsets.reserve(n_values),
            Values::Row(columns) => columns.iter_mut().for_each(|c| c.reserve(n_values)),
        }
    }

    /// Says that a value was appended to `values`; for a list or map, that all its elements
    /// were; for a row, that each of its columns has its value.
    #[inline]
    pub fn mark_valid(&mut self) {
        if let Values::List { offsets, element: last } | Values::Map { offsets, keys: last, .. } =
            &mut self.values
        {
            offsets.push(last.len() as i32);
        }
        self.validity.append_non_null();
    }

    /// Appends a NULL. False, and nothing is appended, where the type is NOT NULL.
    #[inline]
    #[must_use]
    pub fn push_null(&mut self) -> bool {
        if self.nullable {
            self.push_filler();
        }
        self.nullable
    }

    /// Appends a NULL that a NULL above masks.
    pub fn push_filler(&mut self) {
        match &mut self.values {
            Values::Null(length) => *length += 1,
            Values::Boolean(values) => values.append(false),
            Values::TinyInt(values) => values.push(0),
            Values::SmallInt(values) => values.push(0),
            Values::Int(values)
            | Values::Date(values)
            | Values::Time(values)
            | Values::IntervalMonths(values) => values.push(0),
            Values::BigInt(values)
            | Values::Timestamp { values, .. }
            | Values::IntervalMillis(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Double(values) => values.push(0.0),
            Values::Decimal { unscaled, .. } => unscaled.push(0),
            Values::Text(views) | Values::Bytes(views) => views.push_empty(),
            Values::List { offsets, element: last } | Values::Map { offsets, keys: last, .. } => {
                offsets.push(last.len() as i32);
            }
            Values::Row(columns) => columns.iter_mut().for_each(Column::push_filler),
        }
        self.validity.append_null();
    }

    /// Drops the values from `length` on, with all that a failed attempt left below them.
    pub fn truncate(&mut self, length: usize) {
        match &mut self.values {
            Values::Null(current) => *current = length.min(*current),
            Values::Boolean(values) => values.truncate(length),
            Values::TinyInt(values) => values.truncate(length),
            Values::SmallInt(values) => values.truncate(length),
            Values::Int(values)
            | Values::Date(values)
            | Values::Time(values)
            | Values::IntervalMonths(values) => values.truncate(length),
            Values::BigInt(values)
            | Values::Timestamp { values, .. }
            | Values::IntervalMillis(values) => values.truncate(length),
            Values::Float(values) => values.truncate(length),
            Values::Double(values) => values.truncate(length),
            Values::Decimal { unscaled, .. } => unscaled.truncate(length),
            Values::Text(views) | Values::Bytes(views) => views.truncate(length),
            Values::List { offsets, element } => {
                offsets.truncate(length + 1);
                element.truncate(last_offset(offsets));
            }
            Values::Map { offsets, keys, values } => {
                offsets.truncate(length + 1);
                keys.truncate(last_offset(offsets));
                values.truncate(last_offset(offsets));
            }
            Values::Row(columns) => columns.iter_mut().for_each(|c| c.truncate(length)),
        }
        self.validity.truncate(length);
    }

    /// The column as an array; empty afterwards. `shared` is the buffer that views point into.
    pub fn finish(&mut self, shared: &Buffer) -> Result<ArrayRef> {
        let length = self.len();
        let nulls = self.validity.finish();
        Ok(match &mut self.values {
            Values::Null(length) => Arc::new(NullArray::new(std::mem::take(length))),
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::TinyInt(values) => primitive::<Int8Type>(values, nulls, None)?,
            Values::SmallInt(values) => primitive::<Int16Type>(values, nulls, None)?,
            Values::Int(values) => primitive::<Int32Type>(values, nulls, None)?,
            Values::BigInt(values) => primitive::<Int64Type>(values, nulls, None)?,
            Values::Float(values) => primitive::<Float32Type>(values, nulls, None)?,
            Values::Double(values) => primitive::<Float64Type>(values, nulls, None)?,
            Values::Decimal { unscaled, .. } => {
                primitive::<Decimal128Type>(unscaled, nulls, Some(&self.data_type))?
            }
            Values::Text(views) => views.finish_text(shared, nulls)?,
            Values::Bytes(views) => views.finish_bytes(shared, nulls)?,
            Values::Date(values) => primitive::<Date32Type>(values, nulls, None)?,
            Values::Time(values) => primitive::<Time32MillisecondType>(values, nulls, None)?,
            Values::Timestamp { values, unit, .. } => {
                let (unit, data_type) = (*unit, Some(&self.data_type));
                match unit {
                    TimeUnit::Second | TimeUnit::Millisecond => {
                        primitive::<TimestampMillisecondType>(values, nulls, data_type)?
                    }
                    TimeUnit::Microsecond => {
                        primitive::<TimestampMicrosecondType>(values, nulls, data_type)?
                    }
                    TimeUnit::Nanosecond => {
                        primitive::<TimestampNanosecondType>(values, nulls, data_type)?
                    }
                }
            }
            Values::IntervalMonths(values) => {
                primitive::<IntervalYearMonthType>(values, nulls, None)?
            }
            Values::IntervalMillis(values) => {
                primitive::<DurationMillisecondType>(values, nulls, None)?
            }
            Values::List { offsets, element } => {
                finish_list(&self.data_type, offsets, element.finish(shared)?, nulls)?
            }
            Values::Map { offsets, keys, values } => {
                let entries = vec![keys.finish(shared)?, values.finish(shared)?];
                finish_map(&self.data_type, offsets, entries, nulls)?
            }
            Values::Row(columns) => finish_row(&self.data_type, columns, shared, length, nulls)?,
        })
    }
}

impl Values {
    fn new(root: &TypeRoot) -> Values {
        match root {
            TypeRoot::Null => Values::Null(0),
            TypeRoot::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            TypeRoot::TinyInt => Values::TinyInt(Vec::new()),
            TypeRoot::SmallInt => Values::SmallInt(Vec::new()),
            TypeRoot::Int => Values::Int(Vec::new()),
            TypeRoot::BigInt => Values::BigInt(Vec::new()),
            TypeRoot::Float => Values::Float(Vec::new()),
            TypeRoot::Double => Values::Double(Vec::new()),
            TypeRoot::Decimal { precision, scale } => {
                Values::Decimal { unscaled: Vec::new(), precision: *precision, scale: *scale }
            }
            TypeRoot::Char(_) | TypeRoot::VarChar(_) => Values::Text(Views::default()),
            TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => Values::Bytes(Views::default()),
            TypeRoot::Date => Values::Date(Vec::new()),
            TypeRoot::Time(_) => Values::Time(Vec::new()),
            TypeRoot::Timestamp { precision, .. } => Values::timestamp(*precision, false),
            TypeRoot::TimestampLtz { precision, .. } => Values::timestamp(*precision, true),
            TypeRoot::IntervalYearMonth => Values::IntervalMonths(Vec::new()),
            TypeRoot::IntervalDayTime => Values::IntervalMillis(Vec::new()),
            TypeRoot::Array(element) => {
                Values::List { offsets: vec![0], element: Box::new(Column::new(element)) }
            }
            TypeRoot::Map(key, value) => Values::map(key, value),
            TypeRoot::Multiset(element) => Values::map(element, &TypeRoot::Int.not_null()),
            TypeRoot::Row(fields) => {
                Values::Row(fields.iter().map(|field| Column::new(&field.logical_type)).collect())
            }
        }
    }

    fn timestamp(precision: u8, local: bool) -> Values {
        let unit = argus_base::logical_type::timestamp_unit(precision);
        Values::Timestamp { values: Vec::new(), unit, local }
    }

    fn map(key: &LogicalType, value: &LogicalType) -> Values {
        // No format can carry a NULL key, whatever the declared type says.
        let keys = Box::new(Column::new(&key.with_nullable(false)));
        Values::Map { offsets: vec![0], keys, values: Box::new(Column::new(value)) }
    }
}

fn last_offset(offsets: &[i32]) -> usize {
    offsets.last().map_or(0, |offset| *offset as usize)
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
    data_type: Option<&DataType>,
) -> Result<ArrayRef> {
    let array = PrimitiveArray::<T>::try_new(ScalarBuffer::from(std::mem::take(values)), nulls)?;
    Ok(match data_type {
        None => Arc::new(array),
        Some(data_type) => Arc::new(array.with_data_type(data_type.clone())),
    })
}

fn take_offsets(offsets: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(offsets, vec![0])))
}

fn finish_list(
    data_type: &DataType,
    offsets: &mut Vec<i32>,
    elements: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::List(field) = data_type else { unreachable!("ARRAY is a List") };
    Ok(Arc::new(ListArray::try_new(field.clone(), take_offsets(offsets), elements, nulls)?))
}

fn finish_map(
    data_type: &DataType,
    offsets: &mut Vec<i32>,
    entries: Vec<ArrayRef>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Map(field, ordered) = data_type else { unreachable!("MAP is a Map") };
    let DataType::Struct(fields) = field.data_type() else { unreachable!("entries are rows") };
    let entries = StructArray::try_new(fields.clone(), entries, None)?;
    let offsets = take_offsets(offsets);
    Ok(Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, *ordered)?))
}

fn finish_row(
    data_type: &DataType,
    columns: &mut [Column],
    shared: &Buffer,
    length: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Struct(fields) = data_type else { unreachable!("ROW is a Struct") };
    let columns: Result<Vec<ArrayRef>> = columns.iter_mut().map(|c| c.finish(shared)).collect();
    let columns = columns?;
    let array = StructArray::try_new_with_length(fields.clone(), columns, nulls, length)?;
    Ok(Arc::new(array))
}
