//! A row as Flink's `Row.toString` spells it: Java's forms of every value.

use std::fmt::Write;

use argus_base::{Batch, Field, LogicalType, TypeRoot};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{Array, MapArray, StructArray};
use arrow_schema::{DataType, TimeUnit};

use crate::format::number;
use crate::format::temporal::{self, DateTime};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Appends `+I[f0, f1, …]` of the row at `index`.
pub fn write_row(out: &mut String, fields: &[Field], batch: &Batch, index: usize) {
    out.push_str(batch.kind(index).short());
    let columns = batch.records.columns();
    write_fields(out, fields, columns, index);
}

fn write_fields(
    out: &mut String,
    fields: &[Field],
    columns: &[arrow_array::ArrayRef],
    index: usize,
) {
    out.push('[');
    for (i, (field, column)) in fields.iter().zip(columns).enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write_value(out, &field.logical_type, column.as_ref(), index);
    }
    out.push(']');
}

/// Appends one value.
pub fn write_value(out: &mut String, logical_type: &LogicalType, array: &dyn Array, index: usize) {
    if array.is_null(index) || logical_type.root == TypeRoot::Null {
        out.push_str("null");
        return;
    }
    match &logical_type.root {
        TypeRoot::Boolean => put(out, array.as_boolean().value(index)),
        TypeRoot::TinyInt => put(out, array.as_primitive::<Int8Type>().value(index)),
        TypeRoot::SmallInt => put(out, array.as_primitive::<Int16Type>().value(index)),
        TypeRoot::Int => put(out, array.as_primitive::<Int32Type>().value(index)),
        TypeRoot::BigInt => put(out, array.as_primitive::<Int64Type>().value(index)),
        TypeRoot::Float => {
            let value = array.as_primitive::<Float32Type>().value(index);
            put_ascii(out, |bytes| number::write_float(bytes, value));
        }
        TypeRoot::Double => {
            let value = array.as_primitive::<Float64Type>().value(index);
            put_ascii(out, |bytes| number::write_double(bytes, value));
        }
        TypeRoot::Decimal { scale, .. } => {
            let unscaled = array.as_primitive::<Decimal128Type>().value(index);
            put_ascii(out, |bytes| number::write_big_decimal(bytes, unscaled, i64::from(*scale)));
        }
        TypeRoot::Char(_) | TypeRoot::VarChar(_) => {
            out.push_str(array.as_string_view().value(index));
        }
        TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => {
            write_bytes(out, array.as_binary_view().value(index));
        }
        _ => write_time_or_nested(out, logical_type, array, index),
    }
}

fn write_time_or_nested(
    out: &mut String,
    logical_type: &LogicalType,
    array: &dyn Array,
    index: usize,
) {
    match &logical_type.root {
        TypeRoot::Date => {
            let day = i64::from(array.as_primitive::<Date32Type>().value(index));
            put_ascii(out, |bytes| temporal::write_date(bytes, day));
        }
        TypeRoot::Time(_) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(index);
            write_time(out, i64::from(millis) * 1_000_000, false);
        }
        TypeRoot::Timestamp { .. } => write_timestamp(out, array, index, false),
        TypeRoot::TimestampLtz { .. } => {
            write_timestamp(out, array, index, true);
            out.push('Z');
        }
        TypeRoot::IntervalYearMonth => {
            write_period(out, array.as_primitive::<IntervalYearMonthType>().value(index));
        }
        TypeRoot::IntervalDayTime => {
            write_duration(out, array.as_primitive::<DurationMillisecondType>().value(index));
        }
        TypeRoot::Array(element) => {
            let values = array.as_list::<i32>().value(index);
            write_list(out, element, values.as_ref());
        }
        TypeRoot::Map(key, value) => write_map(out, (key, value), array.as_map(), index),
        TypeRoot::Multiset(element) => {
            write_map(out, (element, &TypeRoot::Int.not_null()), array.as_map(), index);
        }
        TypeRoot::Row(fields) => {
            let row: &StructArray = array.as_struct();
            out.push_str("+I");
            write_fields(out, fields, row.columns(), index);
        }
        other => unreachable!("{other} is written above"),
    }
}

fn put(out: &mut String, value: impl std::fmt::Display) {
    // Writing into a String cannot fail.
    let _infallible = write!(out, "{value}");
}

/// Appends what a writer of the formats makes: digits and signs.
fn put_ascii(out: &mut String, write: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::new();
    write(&mut bytes);
    out.push_str(std::str::from_utf8(&bytes).expect("numbers and dates are ASCII"));
}

fn write_list(out: &mut String, element: &LogicalType, values: &dyn Array) {
    out.push('[');
    for i in 0..values.len() {
        if i > 0 {
            out.push_str(", ");
        }
        write_value(out, element, values, i);
    }
    out.push(']');
}

fn write_map(
    out: &mut String,
    (key, value): (&LogicalType, &LogicalType),
    map: &MapArray,
    index: usize,
) {
    let entries = map.value(index);
    out.push('{');
    for i in 0..entries.len() {
        if i > 0 {
            out.push_str(", ");
        }
        write_value(out, key, entries.column(0).as_ref(), i);
        out.push('=');
        write_value(out, value, entries.column(1).as_ref(), i);
    }
    out.push('}');
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push('[');
    for (i, byte) in bytes.iter().enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        put(out, format_args!("{comma}{}", byte.cast_signed()));
    }
    out.push(']');
}

/// Days since 1970-01-01 and nanoseconds of the day of a timestamp of any unit.
pub(crate) fn timestamp_parts(array: &dyn Array, index: usize) -> (i64, i64) {
    let (value, unit) = match array.data_type() {
        DataType::Timestamp(unit @ TimeUnit::Nanosecond, _) => {
            (array.as_primitive::<TimestampNanosecondType>().value(index), *unit)
        }
        DataType::Timestamp(unit @ TimeUnit::Microsecond, _) => {
            (array.as_primitive::<TimestampMicrosecondType>().value(index), *unit)
        }
        _ => {
            let millis = array.as_primitive::<TimestampMillisecondType>().value(index);
            (millis, TimeUnit::Millisecond)
        }
    };
    let DateTime { day, nano_of_day } = DateTime::from_unit(value, unit);
    (day, nano_of_day)
}

fn write_timestamp(out: &mut String, array: &dyn Array, index: usize, always_seconds: bool) {
    let (day, nanos_of_day) = timestamp_parts(array, index);
    put_ascii(out, |bytes| temporal::write_date(bytes, day));
    out.push('T');
    write_time(out, nanos_of_day, always_seconds);
}

/// Seconds are left out where they are zero, unless always wanted; the fraction has 0, 3, 6 or 9
/// digits.
pub(crate) fn write_time(out: &mut String, nanos_of_day: i64, always_seconds: bool) {
    let seconds_of_day = nanos_of_day / NANOS_PER_SECOND;
    let nanos = nanos_of_day % NANOS_PER_SECOND;
    let (hour, minute, second) =
        (seconds_of_day / 3600, seconds_of_day / 60 % 60, seconds_of_day % 60);
    put(out, format_args!("{hour:02}:{minute:02}"));
    if always_seconds || second > 0 || nanos > 0 {
        put(out, format_args!(":{second:02}"));
    }
    if nanos == 0 {
    } else if nanos % 1_000_000 == 0 {
        put(out, format_args!(".{:03}", nanos / 1_000_000));
    } else if nanos % 1_000 == 0 {
        put(out, format_args!(".{:06}", nanos / 1_000));
    } else {
        put(out, format_args!(".{nanos:09}"));
    }
}

/// `Period.toString` of a number of months, as Flink hands them out: never as years.
fn write_period(out: &mut String, months: i32) {
    match months {
        0 => out.push_str("P0D"),
        months => put(out, format_args!("P{months}M")),
    }
}

/// `Duration.toString` of a number of milliseconds.
fn write_duration(out: &mut String, millis: i64) {
    if millis == 0 {
        return out.push_str("PT0S");
    }
    out.push_str("PT");
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    if hours != 0 {
        put(out, format_args!("{hours}H"));
    }
    if minutes != 0 {
        put(out, format_args!("{minutes}M"));
    }
    let rest = millis % 60_000;
    if rest == 0 {
        return;
    }
    let sign = if rest < 0 { "-" } else { "" };
    put(out, format_args!("{sign}{}", rest.abs() / 1000));
    if rest % 1000 != 0 {
        let fraction = format!("{:03}", rest.abs() % 1000);
        put(out, format_args!(".{}", fraction.trim_end_matches('0')));
    }
    out.push('S');
}

#[cfg(test)]
mod tests {
    use arrow_array::{Date32Array, Decimal128Array, Float32Array, Float64Array};

    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    fn value(logical_type: LogicalType, array: &dyn Array) -> String {
        text(|out| write_value(out, &logical_type, array, 0))
    }

    fn double(number: f64) -> String {
        value(TypeRoot::Double.nullable(), &Float64Array::from(vec![number]))
    }

    fn decimal(unscaled: i128, scale: u8) -> String {
        let array = Decimal128Array::from(vec![unscaled]);
        value(TypeRoot::Decimal { precision: 38, scale }.nullable(), &array)
    }

    fn date(day: i32) -> String {
        value(TypeRoot::Date.nullable(), &Date32Array::from(vec![day]))
    }

    #[test]
    fn doubles_are_javas() {
        let expected = [
            (1.0e10, "1.0E10"),
            (0.001, "0.001"),
            (1.0e-4, "1.0E-4"),
            (1.0e7, "1.0E7"),
            (123_456_789.123, "1.23456789123E8"),
            (1_100_000.0, "1100000.0"),
            (-0.0, "-0.0"),
            (12.5, "12.5"),
        ];
        for (value, java) in expected {
            assert_eq!(double(value), java);
        }
        assert_eq!(double(f64::NAN), "NaN");
        assert_eq!(double(f64::NEG_INFINITY), "-Infinity");
        let float = Float32Array::from(vec![1.1e-5]);
        assert_eq!(value(TypeRoot::Float.nullable(), &float), "1.1E-5");
    }

    #[test]
    fn decimals_are_javas() {
        assert_eq!(decimal(1000, 10), "1.000E-7");
        assert_eq!(decimal(15_000_000_000, 10), "1.5000000000");
        assert_eq!(decimal(-5, 2), "-0.05");
        assert_eq!(decimal(0, 3), "0.000");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(decimal(0, 8), "0E-8");
    }

    #[test]
    fn times_are_javas() {
        assert_eq!(date(18_263), "2020-01-02");
        assert_eq!(date(-712222), "0020-01-02");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(-719_893), "-0001-01-01");
        assert_eq!(date(2_932_897), "+10000-01-01");
        assert_eq!(text(|out| write_time(out, 3_720 * NANOS_PER_SECOND, false)), "01:02");
        assert_eq!(text(|out| write_time(out, 1_500_000_000, false)), "00:00:01.500");
        assert_eq!(text(|out| write_time(out, 0, true)), "00:00:00");
        assert_eq!(text(|out| write_period(out, 14)), "P14M");
        assert_eq!(text(|out| write_duration(out, 3_661_500)), "PT1H1M1.5S");
        assert_eq!(text(|out| write_duration(out, -500)), "PT-0.5S");
    }
}
