//! Columns of rows from their generators: a pure function of row numbers and row times.

use std::collections::HashSet;
use std::sync::Arc;

use argus_base::connector::{ConnectorContext, Projection, TableDescriptor};
use argus_base::env::splitmix64;
use argus_base::logical_type::{arrow_schema, timestamp_unit};
use argus_base::{Error, Result, TypeRoot};
use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, DurationMillisecondType, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalYearMonthType,
    Time32MillisecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, ListArray, MapArray, PrimitiveArray, RecordBatch,
    RecordBatchOptions, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, SchemaRef, TimeUnit};

use super::column::{Column, Generator, Length};
use crate::row_text::write_value;

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const NULL_SALT: u64 = 0x6E75_6C6C;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What to make of each row.
pub struct Plan {
    columns: Vec<Column>,
    schema: SchemaRef,
    time_zone: jiff::tz::TimeZone,
}

/// The values to make: each has a number that decides it and a time.
pub struct Items {
    /// Row number, or for an element a number mixed from its row's and its index.
    pub numbers: Vec<u64>,
    /// Microseconds since 1970.
    pub micros: Vec<i64>,
}

impl Plan {
    /// Keeps of the columns what the job reads.
    pub fn new(
        columns: &[Column],
        wanted: &Projection,
        table: &TableDescriptor,
        context: &ConnectorContext,
    ) -> Result<Plan> {
        let time_zone = jiff::tz::TimeZone::get(&context.time_zone)
            .map_err(|error| Error::user("AR3202", error.to_string()))?;
        let schema = arrow_schema(&wanted.apply(&table.physical));
        Ok(Plan { columns: project(columns, wanted), schema, time_zone })
    }

    /// The rows of these items.
    pub fn rows(&self, items: &Items) -> Result<RecordBatch> {
        let columns = self.columns.iter().map(|column| self.values(column, items));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(items.numbers.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    fn values(&self, column: &Column, items: &Items) -> Result<ArrayRef> {
        let nulls = nulls(column, items);
        Ok(match &column.generator {
            Generator::Sequence { start } => sequence(column, *start, items)?,
            Generator::Boolean => {
                let values = draws(column, items).map(|draw| draw >> 63 == 1);
                Arc::new(BooleanArray::new(values.collect(), nulls))
            }
            Generator::Integer { min, max } => integers(column, (*min, *max), items, nulls)?,
            Generator::Real { min, max } => reals(column, (*min, *max), items, nulls)?,
            Generator::Text(length) => texts(column, *length, items, nulls.as_ref()),
            Generator::Bytes(length) => bytes(column, *length, items, nulls.as_ref()),
            Generator::RowTime => self.row_times(column, items, nulls)?,
            Generator::Timestamp { max_past_ms } => timestamps(column, *max_past_ms, items, nulls)?,
            Generator::Array(n, element) => self.lists(column, (*n, element), items, nulls)?,
            Generator::Map(n, key, value) => self.maps(column, (*n, key, value), items, nulls)?,
            Generator::Row(fields) => {
                let DataType::Struct(types) = column.logical_type.to_arrow() else {
                    return Err(Error::bug("a ROW is no struct"));
                };
                let values = fields.iter().map(|field| self.values(field, items));
                let values = values.collect::<Result<Vec<_>>>()?;
                let length = items.numbers.len();
                Arc::new(StructArray::try_new_with_length(types, values, nulls, length)?)
            }
        })
    }

    /// DATE and TIME are those of the session's time zone.
    fn row_times(
        &self,
        column: &Column,
        items: &Items,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        let local = items.micros.iter().map(|&micros| self.local_micros(micros));
        let local = local.collect::<Vec<i64>>();
        if column.logical_type.root == TypeRoot::Date {
            let days = local.iter().map(|micros| micros.div_euclid(MICROS_PER_DAY));
            return primitive::<Date32Type>(days.map(narrow_i32), nulls);
        }
        let millis = local.iter().map(|micros| micros.rem_euclid(MICROS_PER_DAY) / 1000);
        primitive::<Time32MillisecondType>(millis.map(narrow_i32), nulls)
    }

    fn local_micros(&self, micros: i64) -> i64 {
        let offset = jiff::Timestamp::from_microsecond(micros)
            .map_or(0, |instant| self.time_zone.to_offset(instant).seconds());
        micros + i64::from(offset) * 1_000_000
    }

    fn lists(
        &self,
        column: &Column,
        (n, element): (usize, &Column),
        items: &Items,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        let DataType::List(field) = column.logical_type.to_arrow() else {
            return Err(Error::bug("an ARRAY is no list"));
        };
        let lengths = lengths(n, items.numbers.len(), nulls.as_ref());
        let values = self.values(element, &elements(&lengths, items))?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(field, offsets, values, nulls)?))
    }

    /// Of entries with the same key the first stays.
    fn maps(
        &self,
        column: &Column,
        (n, key, value): (usize, &Column, &Column),
        items: &Items,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        let DataType::Map(field, _) = column.logical_type.to_arrow() else {
            return Err(Error::bug("a MAP is no map"));
        };
        let DataType::Struct(types) = field.data_type() else {
            return Err(Error::bug("the entries of a MAP are no struct"));
        };
        let mut lengths = lengths(n, items.numbers.len(), nulls.as_ref());
        let entries = elements(&lengths, items);
        let keys = self.values(key, &entries)?;
        let kept = distinct(key, keys.as_ref(), &mut lengths);
        let pick = |index: &u64| usize::try_from(*index).unwrap_or(usize::MAX);
        let of_values = Items {
            numbers: kept.iter().map(|index| entries.numbers[pick(index)]).collect(),
            micros: kept.iter().map(|index| entries.micros[pick(index)]).collect(),
        };
        let kept = PrimitiveArray::<UInt64Type>::from(kept);
        let keys = arrow_select::take::take(keys.as_ref(), &kept, None)?;
        let values = self.values(value, &of_values)?;
        let entries = StructArray::try_new(types.clone(), vec![keys, values], None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(MapArray::try_new(field, offsets, entries, nulls, false)?))
    }
}

fn project(columns: &[Column], wanted: &Projection) -> Vec<Column> {
    let project_one = |field: &argus_base::connector::ProjectedField| {
        let mut column = columns[field.index].clone();
        if let (Some(nested), Generator::Row(inner)) = (&field.nested, &column.generator)
            && let TypeRoot::Row(fields) = &column.logical_type.root
        {
            let pruned = TypeRoot::Row(nested.apply(fields));
            let generator = Generator::Row(project(inner, nested));
            column.logical_type.root = pruned;
            column.generator = generator;
        }
        column
    };
    wanted.0.iter().map(project_one).collect()
}

/// The first random number of each item.
fn draws<'a>(column: &'a Column, items: &'a Items) -> impl Iterator<Item = u64> + 'a {
    items.numbers.iter().map(|number| draw(column.stream, *number))
}

fn draw(stream: u64, number: u64) -> u64 {
    splitmix64(stream.wrapping_add(number.wrapping_mul(STEP)))
}

/// A number from 0 to 1, exclusive.
#[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1u64 << 53) as f64
}

/// A number from 0 to `n`, exclusive; any number for 0.
#[allow(clippy::cast_possible_truncation, reason = "the high half of a product of 64-bit numbers")]
fn below(draw: u64, n: u64) -> u64 {
    if n == 0 { draw } else { ((u128::from(draw) * u128::from(n)) >> 64) as u64 }
}

fn nulls(column: &Column, items: &Items) -> Option<NullBuffer> {
    if column.null_rate <= 0.0 {
        return None;
    }
    let valid = draws(column, items).map(|draw| {
        let of_null = splitmix64(draw ^ NULL_SALT);
        unit(of_null) >= column.null_rate
    });
    Some(valid.collect::<Vec<bool>>().into())
}

fn primitive<T: ArrowPrimitiveType>(
    values: impl Iterator<Item = T::Native>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let values = values.collect::<Vec<_>>().into();
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values, nulls)?))
}

fn narrow_i32(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the planner has checked that the sequence fits the type"
)]
fn sequence(column: &Column, start: i64, items: &Items) -> Result<ArrayRef> {
    let values = items.numbers.iter().map(|number| start.wrapping_add(number.cast_signed()));
    match &column.logical_type.root {
        TypeRoot::TinyInt => primitive::<Int8Type>(values.map(|value| value as i8), None),
        TypeRoot::SmallInt => primitive::<Int16Type>(values.map(|value| value as i16), None),
        TypeRoot::Int => primitive::<Int32Type>(values.map(|value| value as i32), None),
        TypeRoot::BigInt => primitive::<Int64Type>(values, None),
        TypeRoot::Float => primitive::<Float32Type>(values.map(|value| value as f32), None),
        TypeRoot::Double => primitive::<Float64Type>(values.map(|value| value as f64), None),
        TypeRoot::Decimal { precision, scale } => {
            let factor = 10_i128.pow(u32::from(*scale));
            let values = values.map(|value| i128::from(value) * factor).collect::<Vec<_>>();
            Ok(Arc::new(decimal(values, (*precision, *scale), None)?))
        }
        root if root.is_character() => {
            let mut builder = StringViewBuilder::with_capacity(items.numbers.len());
            values.for_each(|value| builder.append_value(value.to_string()));
            Ok(Arc::new(builder.finish()))
        }
        _ => {
            let mut builder = BinaryViewBuilder::with_capacity(items.numbers.len());
            values.for_each(|value| builder.append_value(value.to_be_bytes()));
            Ok(Arc::new(builder.finish()))
        }
    }
}

fn decimal(
    values: Vec<i128>,
    (precision, scale): (u8, u8),
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<Decimal128Type>> {
    let array = PrimitiveArray::<Decimal128Type>::try_new(values.into(), nulls)?;
    Ok(array.with_precision_and_scale(precision, scale.cast_signed())?)
}

#[allow(clippy::cast_possible_truncation, reason = "the planner has bound the values to the type")]
fn integers(
    column: &Column,
    (min, max): (i64, i64),
    items: &Items,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let n = max.wrapping_sub(min).cast_unsigned().wrapping_add(1);
    let values = draws(column, items).map(|draw| min.wrapping_add(below(draw, n).cast_signed()));
    match &column.logical_type.root {
        TypeRoot::TinyInt => primitive::<Int8Type>(values.map(|value| value as i8), nulls),
        TypeRoot::SmallInt => primitive::<Int16Type>(values.map(|value| value as i16), nulls),
        TypeRoot::Int => primitive::<Int32Type>(values.map(|value| value as i32), nulls),
        TypeRoot::IntervalYearMonth => {
            primitive::<IntervalYearMonthType>(values.map(|value| value as i32), nulls)
        }
        TypeRoot::IntervalDayTime => primitive::<DurationMillisecondType>(values, nulls),
        _ => primitive::<Int64Type>(values, nulls),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the planner has bound the values to the type")]
fn reals(
    column: &Column,
    (min, max): (f64, f64),
    items: &Items,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let values = draws(column, items).map(|draw| {
        let at = unit(draw);
        min * (1.0 - at) + max * at
    });
    match &column.logical_type.root {
        TypeRoot::Float => primitive::<Float32Type>(values.map(|value| value as f32), nulls),
        TypeRoot::Decimal { precision, scale } => {
            let values = values.map(|value| unscaled(value, (*precision, *scale)));
            Ok(Arc::new(decimal(values.collect(), (*precision, *scale), nulls)?))
        }
        _ => primitive::<Float64Type>(values, nulls),
    }
}

/// The decimal nearest to `value`, bounded by what the type holds.
#[allow(clippy::cast_possible_truncation, reason = "the planner has bound the values to the type")]
fn unscaled(value: f64, (precision, scale): (u8, u8)) -> i128 {
    let factor = 10_i128.pow(u32::from(scale));
    let whole = value.trunc();
    let fraction = ((value - whole) * 10f64.powi(i32::from(scale))).round() as i128;
    let greatest = 10_i128.pow(u32::from(precision)) - 1;
    (whole as i128).saturating_mul(factor).saturating_add(fraction).clamp(-greatest, greatest)
}

/// The length of an item's text or bytes.
fn length_of(length: Length, draw: u64) -> usize {
    if !length.variable {
        return length.length;
    }
    let at = below(splitmix64(!draw), length.length as u64);
    usize::try_from(at).unwrap_or(0) + 1
}

fn texts(column: &Column, length: Length, items: &Items, nulls: Option<&NullBuffer>) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(items.numbers.len());
    let mut text = String::new();
    for (i, draw) in draws(column, items).enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(i)) {
            builder.append_null();
            continue;
        }
        text.clear();
        let n = length_of(length, draw);
        let mut state = draw;
        while text.len() < n {
            let n_digits = (n - text.len()).min(16);
            (0..n_digits).for_each(|digit| text.push(hex_digit(state >> (4 * digit))));
            state = splitmix64(state);
        }
        builder.append_value(&text);
    }
    Arc::new(builder.finish())
}

fn hex_digit(bits: u64) -> char {
    char::from(b"0123456789abcdef"[usize::try_from(bits & 15).unwrap_or(0)])
}

fn bytes(column: &Column, length: Length, items: &Items, nulls: Option<&NullBuffer>) -> ArrayRef {
    let mut builder = BinaryViewBuilder::with_capacity(items.numbers.len());
    let mut value = Vec::new();
    for (i, draw) in draws(column, items).enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(i)) {
            builder.append_null();
            continue;
        }
        value.clear();
        let n = length_of(length, draw);
        let mut state = draw;
        while value.len() < n {
            value.extend_from_slice(&state.to_le_bytes());
            state = splitmix64(state);
        }
        value.truncate(n);
        builder.append_value(&value);
    }
    Arc::new(builder.finish())
}

fn timestamps(
    column: &Column,
    max_past_ms: i64,
    items: &Items,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let past = |draw: u64| below(draw, max_past_ms.cast_unsigned()).cast_signed();
    let micros = draws(column, items).zip(&items.micros).map(|(draw, micros)| {
        let past_ms = if max_past_ms > 0 { past(draw) } else { 0 };
        micros.saturating_sub(past_ms.saturating_mul(1000))
    });
    let (TypeRoot::Timestamp { precision, .. } | TypeRoot::TimestampLtz { precision, .. }) =
        &column.logical_type.root
    else {
        return Err(Error::bug("a timestamp is none"));
    };
    let array = match timestamp_unit(*precision) {
        TimeUnit::Nanosecond => {
            primitive::<TimestampNanosecondType>(micros.map(|at| at.saturating_mul(1000)), nulls)?
        }
        TimeUnit::Microsecond => primitive::<TimestampMicrosecondType>(micros, nulls)?,
        _ => {
            let millis = micros.map(|at| at.div_euclid(1000));
            primitive::<TimestampMillisecondType>(millis, nulls)?
        }
    };
    // Only the zone in the type differs.
    let typed = array.to_data().into_builder().data_type(column.logical_type.to_arrow());
    Ok(arrow_array::make_array(typed.build()?))
}

/// One length a row: `n`, or 0 where the row is NULL.
fn lengths(n: usize, n_rows: usize, nulls: Option<&NullBuffer>) -> Vec<usize> {
    let is_null = |i: usize| nulls.is_some_and(|nulls| nulls.is_null(i));
    (0..n_rows).map(|i| if is_null(i) { 0 } else { n }).collect()
}

fn elements(lengths: &[usize], items: &Items) -> Items {
    let mut elements = Items { numbers: Vec::new(), micros: Vec::new() };
    for (i, &length) in lengths.iter().enumerate() {
        let first = splitmix64(items.numbers[i]);
        elements.numbers.extend((0..length as u64).map(|index| first.wrapping_add(index)));
        elements.micros.extend(std::iter::repeat_n(items.micros[i], length));
    }
    elements
}

/// Positions of the first entry of each key in each map; `lengths` are cut to them.
fn distinct(key: &Column, keys: &dyn Array, lengths: &mut [usize]) -> Vec<u64> {
    let mut kept = Vec::with_capacity(keys.len());
    let mut at = 0;
    for length in lengths {
        let mut seen = HashSet::new();
        let before = kept.len();
        for index in at..at + *length {
            let mut text = String::new();
            write_value(&mut text, &key.logical_type, keys, index);
            if seen.insert(text) {
                kept.push(index as u64);
            }
        }
        at += *length;
        *length = kept.len() - before;
    }
    kept
}
