//! Dates and times as texts and as numbers since 1970, by the format letters of Java.

use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use jiff::tz::TimeZone;

use super::calendar::Instant;
use super::datetime::Reader;
use super::datetime_pattern::{Dialect, Pattern, Patterns};
use super::datetime_text::{parse_date, parse_jdbc, parse_timestamp};
use super::zone::Offsets;
use super::{Binding, Call, Kernel, refused};

const DEFAULT_FORMAT: &str = "yyyy-MM-dd HH:mm:ss";

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    Ok(Some(match binding.function {
        F::DateFormat => date_format(binding),
        F::ToDate => to_date(binding),
        F::ToTimestamp => to_timestamp(binding),
        F::ToTimestampLtz => to_timestamp_ltz(binding),
        F::UnixTimestamp => unix_timestamp(binding),
        F::FromUnixtime => from_unixtime(binding),
        F::ConvertTz => Box::new(convert_tz),
        _ => return Ok(None),
    }))
}

/// Text is read and written by the rules of SimpleDateFormat in UTC, timestamps are written by
/// those of DateTimeFormatter.
fn date_format(binding: &Binding<'_>) -> Kernel {
    if binding.type_of(0).root.is_character() {
        let input = Pattern::new(DEFAULT_FORMAT, Dialect::Simple);
        let outputs = Patterns::new(Dialect::Simple, binding.literal_text(1));
        return Box::new(move |call| {
            let (text, format) = (call.text_of(0), call.text_of(1));
            let utc = TimeZone::UTC;
            let mut offsets = Offsets::new(&utc);
            call.texts(|row, out| {
                let input = input.as_ref().map_err(|problem| refused(problem.clone()))?;
                match input.parse_simple(text(row), &mut offsets) {
                    Some(at) => outputs.get(format(row))?.format(at, 0, "UTC", out).map(|()| true),
                    None => Ok(false),
                }
            })
        });
    }
    let reader = Reader::local(binding, 0);
    let patterns = Patterns::new(Dialect::Modern, binding.literal_text(1));
    Box::new(move |call| {
        let format = call.text_of(1);
        let mut moment = reader.moments(call);
        call.texts(|row, out| {
            patterns.get(format(row))?.format(moment(row), 0, "", out).map(|()| true)
        })
    })
}

fn to_date(binding: &Binding<'_>) -> Kernel {
    let has_format = binding.arguments.len() == 2;
    let patterns = Patterns::new(Dialect::Simple, binding.literal_text(1));
    Box::new(move |call| {
        let text = call.text_of(0);
        let format = has_format.then(|| call.text_of(1));
        let utc = TimeZone::UTC;
        let mut offsets = Offsets::new(&utc);
        let array = call.try_numbers::<Date32Type>(|row| match &format {
            None => Ok(parse_date(text(row))),
            Some(format) => {
                let at = patterns.get(format(row))?.parse_simple(text(row), &mut offsets);
                Ok(at.map(|at| at.days() as i32))
            }
        })?;
        Ok(Arc::new(array))
    })
}

/// By the rules of DateTimeFormatter; what does not fit is read as a JDBC timestamp or date if it
/// is one, and NULL otherwise.
fn parse_modern(patterns: &Patterns, text: &str, format: &str) -> Option<Instant> {
    let pattern = patterns.get(format).ok()?;
    pattern.parse_modern(text).or_else(|| parse_jdbc(text))
}

fn to_timestamp(binding: &Binding<'_>) -> Kernel {
    let has_format = binding.arguments.len() == 2;
    let patterns = Patterns::new(Dialect::Modern, binding.literal_text(1));
    Box::new(move |call| {
        let text = call.text_of(0);
        let format = has_format.then(|| call.text_of(1));
        let array = call.try_numbers::<TimestampMillisecondType>(|row| {
            let at = match &format {
                Some(format) => parse_modern(&patterns, text(row), format(row)),
                None => parse_timestamp(text(row)),
            };
            Ok(at.map(Instant::millis))
        })?;
        Ok(Arc::new(array))
    })
}

fn to_timestamp_ltz(binding: &Binding<'_>) -> Kernel {
    let root = &binding.type_of(0).root;
    if root.is_character() {
        return text_to_timestamp_ltz(binding);
    }
    let has_precision = binding.arguments.len() == 2;
    let root = root.clone();
    Box::new(move |call| {
        let precision = has_precision.then(|| call.number_of::<Int32Type>(1));
        let in_seconds = |row: usize| match precision.as_ref().map_or(3, |precision| precision(row))
        {
            0 => Ok(true),
            3 => Ok(false),
            other => Err(refused(format!("the precision must be 0 or 3, but is {other}"))),
        };
        if root == TypeRoot::BigInt && precision.is_none_or(|_| call.arguments[1].is_constant()) {
            return long_to_timestamp_ltz(call, in_seconds(0)?);
        }
        let number: Box<dyn Fn(usize, i64) -> i64> = match &root {
            TypeRoot::BigInt => {
                let long = call.number_of::<Int64Type>(0);
                Box::new(move |row, factor| long(row).saturating_mul(factor))
            }
            _ => {
                let double = call.number_of::<Float64Type>(0);
                Box::new(move |row, factor| (double(row) * factor as f64) as i64)
            }
        };
        let array = call.try_numbers::<TimestampMillisecondType>(|row| {
            let factor = if in_seconds(row)? { 1000 } else { 1 };
            Ok(in_range(number(row, factor)))
        })?;
        Ok(Arc::new(array.with_timezone("UTC")))
    })
}

/// 0001-01-01 of Java's calendar, which is the Julian one for that time, to the end of 9999.
const RANGE: std::ops::Range<i64> = -62_135_769_600_000..253_402_300_800_000;

fn in_range(millis: i64) -> Option<i64> {
    RANGE.contains(&millis).then_some(millis)
}

/// The hot path of event time: no work where all is in range.
fn long_to_timestamp_ltz(call: &Call<'_>, in_seconds: bool) -> Result<ArrayRef> {
    let factor = if in_seconds { 1000 } else { 1 };
    let longs = call.rows::<PrimitiveArray<Int64Type>>(0);
    let all_in_range =
        longs.values().iter().all(|value| RANGE.contains(&value.saturating_mul(factor)));
    let array = match all_in_range {
        true if !in_seconds => longs.reinterpret_cast::<TimestampMillisecondType>(),
        true => longs.unary(|value| value * factor),
        false => longs.unary_opt(|value| in_range(value.saturating_mul(factor))),
    };
    if longs.len() == call.n_rows {
        return Ok(Arc::new(array.with_timezone("UTC")));
    }
    let at = |row: usize| (array.null_count() == 0).then(|| array.value(longs.at(row)));
    let rows = (0..call.n_rows).map(|row| call.has_result(row).then(|| at(row)).flatten());
    Ok(Arc::new(rows.collect::<PrimitiveArray<TimestampMillisecondType>>().with_timezone("UTC")))
}

/// Text is a wall clock of the given zone, by default UTC. Without a format an unreadable text is
/// an error, as in Flink.
fn text_to_timestamp_ltz(binding: &Binding<'_>) -> Kernel {
    let n_arguments = binding.arguments.len();
    let patterns = Patterns::new(Dialect::Modern, binding.literal_text(1));
    Box::new(move |call| {
        let text = call.text_of(0);
        let format = (n_arguments > 1).then(|| call.text_of(1));
        let zone = (n_arguments > 2).then(|| call.text_of(2));
        let array = call.try_numbers::<TimestampMillisecondType>(|row| {
            let Some(format) = &format else {
                let at = parse_timestamp(text(row));
                let unreadable = || refused(format!("'{}' is no timestamp", text(row)));
                return at.map(|at| Some(at.millis())).ok_or_else(unreadable);
            };
            let Some(at) = parse_modern(&patterns, text(row), format(row)) else { return Ok(None) };
            let zone = zone.as_ref().map_or("UTC", |zone| zone(row));
            let zone = argus_plan::setting::time_zone(zone);
            Ok(zone.map(|zone| Offsets::new(&zone).instant_of(at).millis()))
        })?;
        Ok(Arc::new(array.with_timezone("UTC")))
    })
}

/// What cannot be read is the least BIGINT, as in Flink.
fn unix_timestamp(binding: &Binding<'_>) -> Kernel {
    let n_arguments = binding.arguments.len();
    if n_arguments == 0 {
        return Box::new(|call| {
            let seconds = call.context.now.0.div_euclid(1000);
            Ok(call.numbers::<Int64Type>(|_| seconds))
        });
    }
    let default = (n_arguments == 1).then_some(DEFAULT_FORMAT);
    let patterns = Patterns::new(Dialect::Simple, default.or(binding.literal_text(1)));
    let zone = binding.zone.clone();
    Box::new(move |call| {
        let text = call.text_of(0);
        let format = (n_arguments == 2).then(|| call.text_of(1));
        let mut offsets = Offsets::new(&zone);
        let array = call.try_numbers::<Int64Type>(|row| {
            let format = format.as_ref().map_or(DEFAULT_FORMAT, |format| format(row));
            let at = patterns.get(format)?.parse_simple(text(row), &mut offsets);
            Ok(Some(at.map_or(i64::MIN, |at| at.seconds)))
        })?;
        Ok(Arc::new(array))
    })
}

fn from_unixtime(binding: &Binding<'_>) -> Kernel {
    let has_format = binding.arguments.len() == 2;
    let default = (!has_format).then_some(DEFAULT_FORMAT);
    let patterns = Patterns::new(Dialect::Simple, default.or(binding.literal_text(1)));
    let zone = binding.zone.clone();
    Box::new(move |call| {
        let seconds = call.number_of::<Int64Type>(0);
        let format = has_format.then(|| call.text_of(1));
        let mut offsets = Offsets::new(&zone);
        call.texts(|row, out| {
            let format = format.as_ref().map_or(DEFAULT_FORMAT, |format| format(row));
            let offset = offsets.offset_at(seconds(row));
            let local = Instant { seconds: seconds(row).wrapping_add(offset), nanos: 0 };
            let name = zone.iana_name().unwrap_or("UTC");
            patterns.get(format)?.format(local, offset, name, out).map(|()| true)
        })
    })
}

/// A zone that does not exist is GMT, as in Java.
fn convert_tz(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, from, to) = (call.text_of(0), call.text_of(1), call.text_of(2));
    let pattern = Pattern::new(DEFAULT_FORMAT, Dialect::Simple).map_err(refused)?;
    let zone = |name: &str| argus_plan::setting::time_zone(name).unwrap_or(TimeZone::UTC);
    let mut last: Option<(String, TimeZone, String, TimeZone)> = None;
    call.texts(|row, out| {
        let is_known = last.as_ref().is_some_and(|(f, _, t, _)| f == from(row) && t == to(row));
        if !is_known {
            let zones = (zone(from(row)), zone(to(row)));
            last = Some((from(row).to_owned(), zones.0, to(row).to_owned(), zones.1));
        }
        let Some((_, from, _, to)) = &last else { return Ok(false) };
        let Some(at) = pattern.parse_simple(text(row), &mut Offsets::new(from)) else {
            return Ok(false);
        };
        let mut offsets = Offsets::new(to);
        let offset = offsets.offset_at(at.seconds);
        pattern.format(at.plus_seconds(offset), offset, "UTC", out).map(|()| true)
    })
}
