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
use arrow_schema::TimeUnit;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

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
            write_float(out, f64::from(value), &format!("{value:e}"));
        }
        TypeRoot::Double => {
            let value = array.as_primitive::<Float64Type>().value(index);
            write_float(out, value, &format!("{value:e}"));
        }
        TypeRoot::Decimal { scale, .. } => {
            write_decimal(out, array.as_primitive::<Decimal128Type>().value(index), *scale);
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
            write_date(out, i64::from(array.as_primitive::<Date32Type>().value(index)));
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

/// `scientific` is Rust's shortest form, `1.5e-7`, of the float's own width.
fn write_float(out: &mut String, value: f64, scientific: &str) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let is_plain = value == 0.0 || (-3..7).contains(&exponent);
    if !is_plain {
        let point = if mantissa.contains('.') { "" } else { ".0" };
        return put(out, format_args!("{mantissa}{point}E{exponent}"));
    }
    let negative = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    out.push_str(negative);
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1).unsigned_abs() as usize);
        return put(out, format_args!("0.{zeros}{digits}"));
    }
    let n_whole = exponent.unsigned_abs() as usize + 1;
    let padded = format!("{digits:0<n_whole$}");
    let (whole, fraction) = padded.split_at(n_whole);
    put(out, format_args!("{whole}.{}", if fraction.is_empty() { "0" } else { fraction }));
}

/// `BigDecimal.toString`: plain unless the value is below 1e-6.
fn write_decimal(out: &mut String, unscaled: i128, scale: u8) {
    let scale = usize::from(scale);
    let digits = unscaled.unsigned_abs().to_string();
    if unscaled < 0 {
        out.push('-');
    }
    if scale == 0 {
        return out.push_str(&digits);
    }
    if scale + 1 > digits.len() + 6 {
        let exponent = scale + 1 - digits.len();
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return put(out, format_args!("{first}{point}{rest}E-{exponent}"));
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    put(out, format_args!("{whole}.{fraction}"));
}

/// Days since 1970-01-01 and nanoseconds of the day of a timestamp of any unit.
pub(crate) fn timestamp_parts(array: &dyn Array, index: usize) -> (i64, i64) {
    let (value, per_second) = match array.data_type() {
        arrow_schema::DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            (array.as_primitive::<TimestampNanosecondType>().value(index), NANOS_PER_SECOND)
        }
        arrow_schema::DataType::Timestamp(TimeUnit::Microsecond, _) => {
            (array.as_primitive::<TimestampMicrosecondType>().value(index), 1_000_000)
        }
        _ => (array.as_primitive::<TimestampMillisecondType>().value(index), 1_000),
    };
    let per_day = SECONDS_PER_DAY * per_second;
    let nanos = value.rem_euclid(per_day) * (NANOS_PER_SECOND / per_second);
    (value.div_euclid(per_day), nanos)
}

fn write_timestamp(out: &mut String, array: &dyn Array, index: usize, always_seconds: bool) {
    let (day, nanos_of_day) = timestamp_parts(array, index);
    write_date(out, day);
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

/// Year, month and day of a day since 1970-01-01 in the proleptic Gregorian calendar.
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_month)
}

/// A day since 1970-01-01 as `LocalDate.toString`.
fn write_date(out: &mut String, day: i64) {
    let (year, month, day_of_month) = civil(day);
    let sign = match year {
        ..0 => "-",
        0..=9999 => "",
        _ => "+",
    };
    put(out, format_args!("{sign}{:04}-{month:02}-{day_of_month:02}", year.abs()));
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
    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    fn double(value: f64) -> String {
        text(|out| write_float(out, value, &format!("{value:e}")))
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
        assert_eq!(text(|out| write_float(out, f64::from(1.1e-5f32), "1.1e-5")), "1.1E-5");
    }

    #[test]
    fn decimals_are_javas() {
        assert_eq!(text(|out| write_decimal(out, 1000, 10)), "1.000E-7");
        assert_eq!(text(|out| write_decimal(out, 15_000_000_000, 10)), "1.5000000000");
        assert_eq!(text(|out| write_decimal(out, -5, 2)), "-0.05");
        assert_eq!(text(|out| write_decimal(out, 0, 3)), "0.000");
        assert_eq!(text(|out| write_decimal(out, 7, 0)), "7");
    }

    #[test]
    fn times_are_javas() {
        assert_eq!(text(|out| write_date(out, 18_263)), "2020-01-02");
        assert_eq!(text(|out| write_date(out, -712222)), "0020-01-02");
        assert_eq!(text(|out| write_date(out, -1)), "1969-12-31");
        assert_eq!(text(|out| write_time(out, 3_720 * NANOS_PER_SECOND, false)), "01:02");
        assert_eq!(text(|out| write_time(out, 1_500_000_000, false)), "00:00:01.500");
        assert_eq!(text(|out| write_time(out, 0, true)), "00:00:00");
        assert_eq!(text(|out| write_period(out, 14)), "P14M");
        assert_eq!(text(|out| write_duration(out, 3_661_500)), "PT1H1M1.5S");
        assert_eq!(text(|out| write_duration(out, -500)), "PT-0.5S");
    }
}
