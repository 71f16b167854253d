//! Any value as text, as Flink prints it.

use std::fmt::Write;
use std::sync::Arc;

use argus_base::TypeRoot;
use arrow_array::builder::StringViewBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
};
use arrow_array::{Array, ArrayRef};

use super::length::TextLength;
use super::{Apply, Pair};
use crate::function::calendar::{Instant, civil, instant};
use crate::function::zone::Offsets;

/// The conversion of anything to CHAR(n) or VARCHAR(n).
pub(super) fn to_text(pair: Pair<'_>) -> Apply {
    let (from, zone) = (pair.from.clone(), pair.zone.clone());
    let length = TextLength::of(pair.to);
    Box::new(move |array| {
        let mut builder = StringViewBuilder::with_capacity(array.len());
        let mut writer = Writer { offsets: Offsets::new(&zone) };
        let mut text = String::new();
        for row in 0..array.len() {
            if array.is_null(row) {
                builder.append_null();
                continue;
            }
            text.clear();
            writer.value(&from, array, row, &mut text);
            length.apply(&mut text);
            builder.append_value(&text);
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    })
}

struct Writer<'a> {
    offsets: Offsets<'a>,
}

impl<'a> Writer<'a> {
    /// Writes the value of a row, which is not NULL.
    fn value(&mut self, root: &TypeRoot, array: &ArrayRef, row: usize, out: &mut String) {
        match root {
            TypeRoot::Boolean => {
                out.push_str(if array.as_boolean().value(row) { "TRUE" } else { "FALSE" });
            }
            TypeRoot::TinyInt => {
                integer(i64::from(array.as_primitive::<Int8Type>().value(row)), out)
            }
            TypeRoot::SmallInt => {
                integer(i64::from(array.as_primitive::<Int16Type>().value(row)), out);
            }
            TypeRoot::Int => integer(i64::from(array.as_primitive::<Int32Type>().value(row)), out),
            TypeRoot::BigInt => integer(array.as_primitive::<Int64Type>().value(row), out),
            TypeRoot::Float => float(array.as_primitive::<Float32Type>().value(row), out),
            TypeRoot::Double => double(array.as_primitive::<Float64Type>().value(row), out),
            TypeRoot::Decimal { scale, .. } => {
                decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, out);
            }
            TypeRoot::Char(_) | TypeRoot::VarChar(_) => {
                out.push_str(array.as_string_view().value(row));
            }
            TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => {
                out.push_str(&String::from_utf8_lossy(array.as_binary_view().value(row)));
            }
            TypeRoot::Date => date(array.as_primitive::<Date32Type>().value(row), out),
            TypeRoot::Time(precision) => {
                let millis = array.as_primitive::<Time32MillisecondType>().value(row);
                time(i64::from(millis) * 1_000_000, *precision, out);
            }
            TypeRoot::Timestamp { precision, .. } => {
                timestamp(instant(array, row), *precision, out)
            }
            TypeRoot::TimestampLtz { precision, .. } => {
                timestamp(self.offsets.local_of(instant(array, row)), *precision, out);
            }
            TypeRoot::IntervalYearMonth => {
                months(array.as_primitive::<IntervalYearMonthType>().value(row), out);
            }
            TypeRoot::IntervalDayTime => {
                days(array.as_primitive::<DurationMillisecondType>().value(row), out);
            }
            _ => self.nested(root, array, row, out),
        }
    }

    fn nested(&mut self, root: &TypeRoot, array: &ArrayRef, row: usize, out: &mut String) {
        match root {
            TypeRoot::Array(element) => {
                let elements = array.as_list::<i32>().value(row);
                out.push('[');
                for i in 0..elements.len() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    self.nullable(&element.root, &elements, i, out);
                }
                out.push(']');
            }
            TypeRoot::Map(key, value) => self.map(&key.root, &value.root, array, (row, out)),
            TypeRoot::Multiset(element) => {
                self.map(&element.root, &TypeRoot::Int, array, (row, out));
            }
            TypeRoot::Row(fields) => {
                let columns = array.as_struct();
                out.push('(');
                for (i, field) in fields.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    self.nullable(&field.logical_type.root, columns.column(i), row, out);
                }
                out.push(')');
            }
            _ => out.push_str("NULL"),
        }
    }

    fn map(
        &mut self,
        key: &TypeRoot,
        value: &TypeRoot,
        array: &ArrayRef,
        (row, out): (usize, &mut String),
    ) {
        let entries = array.as_map().value(row);
        out.push('{');
        for i in 0..entries.len() {
            out.push_str(if i == 0 { "" } else { ", " });
            self.nullable(key, entries.column(0), i, out);
            out.push('=');
            self.nullable(value, entries.column(1), i, out);
        }
        out.push('}');
    }

    fn nullable(&mut self, root: &TypeRoot, array: &ArrayRef, row: usize, out: &mut String) {
        if array.is_null(row) {
            out.push_str("NULL");
        } else {
            self.value(root, array, row, out);
        }
    }
}

/// Writing to a text cannot fail.
fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("writing to a text cannot fail");
}

fn integer(value: i64, out: &mut String) {
    padded(value, 1, out);
}

/// A number with at least `width` digits, zeros in front. Formatting by the standard library takes
/// several times as long.
pub(crate) fn padded(value: i64, width: usize, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    let mut digits = [b'0'; 20];
    let mut rest = value.unsigned_abs();
    let mut first = digits.len();
    while rest > 0 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    let first = first.min(digits.len() - width.clamp(1, digits.len()));
    out.push_str(std::str::from_utf8(&digits[first..]).expect("digits are ASCII"));
}

/// `1.0E10`, `0.001`, `NaN`: as `Double.toString`.
pub(crate) fn double(value: f64, out: &mut String) {
    if !value.is_finite() {
        non_finite(value, out);
        return;
    }
    let is_subnormal = value != 0.0 && !value.is_normal();
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    java_number(shortest, is_subnormal.then(|| format!("{value:.1e}")).as_deref(), out);
}

/// As `Float.toString`.
pub(crate) fn float(value: f32, out: &mut String) {
    if !value.is_finite() {
        non_finite(f64::from(value), out);
        return;
    }
    let is_subnormal = value != 0.0 && !value.is_normal();
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    java_number(shortest, is_subnormal.then(|| format!("{value:.1e}")).as_deref(), out);
}

/// The shortest digits that mean that number, in some decimal notation; nothing for what is not
/// finite.
pub(crate) fn double_digits(value: f64, out: &mut String) {
    if value.is_finite() {
        out.push_str(zmij::Buffer::new().format_finite(value));
    }
}

fn non_finite(value: f64, out: &mut String) {
    out.push_str(match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "Infinity",
        _ => "-Infinity",
    });
}

/// Rewrites a decimal notation in Java's: plain from 0.001 to below 10,000,000, else with an
/// exponent; at least one digit after the point. Java gives subnormal numbers two digits where
/// one would do, the nearest ones, which are `two_digits`.
fn java_number(shortest: &str, two_digits: Option<&str>, out: &mut String) {
    let mut number = Significant::of(shortest);
    if let Some(text) = two_digits.filter(|_| number.length == 1) {
        number = Significant::of(text);
    }
    let (is_negative, digits, exponent) = (number.is_negative, number.digits(), number.exponent);
    out.push_str(if is_negative { "-" } else { "" });
    if digits.is_empty() {
        out.push_str("0.0");
        return;
    }
    match exponent {
        -3..=-1 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
            out.push_str(digits);
        }
        0..=6 => {
            let n_whole = exponent.unsigned_abs() as usize + 1;
            let n_given = digits.len().min(n_whole);
            out.push_str(&digits[..n_given]);
            out.extend(std::iter::repeat_n('0', n_whole - n_given));
            out.push('.');
            out.push_str(if digits.len() > n_whole { &digits[n_whole..] } else { "0" });
        }
        _ => {
            out.push_str(&digits[..1]);
            out.push('.');
            out.push_str(if digits.len() > 1 { &digits[1..] } else { "0" });
            put(out, format_args!("E{exponent}"));
        }
    }
}

/// A number in decimal notation taken apart.
struct Significant {
    is_negative: bool,
    /// Without zeros at either end; none of zero. No FLOAT or DOUBLE has more than 17.
    buffer: [u8; 32],
    length: usize,
    /// Of the first digit.
    exponent: i32,
}

impl Significant {
    fn of(text: &str) -> Significant {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let mut number = Significant { is_negative, buffer: [0; 32], length: 0, exponent: 0 };
        let point = mantissa.find('.').unwrap_or(mantissa.len());
        let mut first = None;
        for (position, digit) in (0_i32..).zip(mantissa.bytes().filter(u8::is_ascii_digit)) {
            if first.is_none() && digit != b'0' {
                first = Some(position);
            }
            if first.is_some() && number.length < number.buffer.len() {
                number.buffer[number.length] = digit;
                number.length += 1;
            }
        }
        while number.length > 0 && number.buffer[number.length - 1] == b'0' {
            number.length -= 1;
        }
        let whole = i32::try_from(point).unwrap_or(0);
        number.exponent = whole - 1 - first.unwrap_or(0) + exponent.parse().unwrap_or(0);
        number
    }

    fn digits(&self) -> &str {
        std::str::from_utf8(&self.buffer[..self.length]).expect("digits are ASCII")
    }
}

/// With exactly `scale` digits after the point.
pub(crate) fn decimal(value: i128, scale: u8, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    let (value, scale) = (value.unsigned_abs(), usize::from(scale));
    let power = super::decimal::POWERS[scale].unsigned_abs();
    let (whole, rest) = (value / power, value % power);
    match (i64::try_from(whole), i64::try_from(rest)) {
        (Ok(whole), _) if scale == 0 => padded(whole, 1, out),
        (Ok(whole), Ok(rest)) => {
            padded(whole, 1, out);
            out.push('.');
            padded(rest, scale, out);
        }
        _ if scale == 0 => put(out, format_args!("{value}")),
        _ => put(out, format_args!("{whole}.{rest:0scale$}")),
    }
}

/// `2024-02-29`.
pub(crate) fn date(days: i32, out: &mut String) {
    let (year, month, day) = civil(i64::from(days));
    padded(year, 4, out);
    out.push('-');
    padded(month, 2, out);
    out.push('-');
    padded(day, 2, out);
}

fn time(nanos: i64, precision: u8, out: &mut String) {
    clock(nanos / 1_000_000_000, out);
    fraction(nanos.rem_euclid(1_000_000_000), precision, out);
}

/// `2024-02-29 12:34:56.789`.
fn timestamp(at: Instant, precision: u8, out: &mut String) {
    date(i32::try_from(at.seconds.div_euclid(86_400)).unwrap_or(i32::MAX), out);
    out.push(' ');
    let of_day = at.seconds.rem_euclid(86_400) * 1_000_000_000 + i64::from(at.nanos);
    time(of_day, precision, out);
}

/// `12:34:56`.
fn clock(seconds: i64, out: &mut String) {
    padded(seconds / 3600, 2, out);
    out.push(':');
    padded(seconds / 60 % 60, 2, out);
    out.push(':');
    padded(seconds % 60, 2, out);
}

fn fraction(nanos: i64, precision: u8, out: &mut String) {
    if precision > 0 {
        out.push('.');
        let width = precision.min(9);
        padded(nanos / 10_i64.pow(u32::from(9 - width)), usize::from(width), out);
    }
}

fn months(value: i32, out: &mut String) {
    let sign = if value < 0 { '-' } else { '+' };
    let value = value.unsigned_abs();
    put(out, format_args!("{sign}{}-{:02}", value / 12, value % 12));
}

fn days(millis: i64, out: &mut String) {
    let sign = if millis < 0 { '-' } else { '+' };
    let millis = millis.unsigned_abs();
    let seconds = millis / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    put(
        out,
        format_args!(
            "{sign}{} {hour:02}:{minute:02}:{second:02}.{:03}",
            seconds / 86_400,
            millis % 1000
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_look_as_in_java() {
        let cases = [
            (1e10, "1.0E10"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (1e-3, "0.001"),
            (1e-4, "1.0E-4"),
            (123_456_789.125, "1.23456789125E8"),
            (0.1, "0.1"),
            (100.0, "100.0"),
            (-0.0, "-0.0"),
            (4.9e-324, "4.9E-324"),
            (9.9e-324, "9.9E-324"),
            (2e-323, "2.0E-323"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            double(value, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn floats_look_as_in_java() {
        let cases =
            [(0.1_f32, "0.1"), (1e10, "1.0E10"), (16_777_216.0, "1.6777216E7"), (1e-45, "1.4E-45")];
        for (value, expected) in cases {
            let mut out = String::new();
            float(value, &mut out);
            assert_eq!(out, expected);
        }
    }
}
