//! Parts, rounding and differences of dates and times, and their texts.

use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::types::{
    Date32Type, DurationMillisecondType, Float64Type, Int32Type, Int64Type, IntervalYearMonthType,
    Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use jiff::tz::TimeZone;

use super::calendar::{
    Instant, add_months, civil, day_of_year, days_of, instant, iso_week, iso_weekday,
    sunday_weekday, timestamps,
};
use super::datetime_pattern::{Dialect, Pattern, Patterns};
use super::datetime_text::{parse_date, parse_jdbc, parse_timestamp};
use super::interval::{move_date, move_timestamp};
use super::zone::Offsets;
use super::{Binding, Call, Kernel, refused};

const MILLIS_PER_DAY: i64 = 86_400_000;
const DEFAULT_FORMAT: &str = "yyyy-MM-dd HH:mm:ss";

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    Ok(Some(match binding.function {
        F::Extract => extract(binding, 1, binding.literal_text(0).unwrap_or_default()),
        F::Year => extract(binding, 0, "YEAR"),
        F::Quarter => extract(binding, 0, "QUARTER"),
        F::Month => extract(binding, 0, "MONTH"),
        F::Week => extract(binding, 0, "WEEK"),
        F::DayOfYear => extract(binding, 0, "DOY"),
        F::DayOfMonth => extract(binding, 0, "DAY"),
        F::DayOfWeek => extract(binding, 0, "DOW"),
        F::Hour => extract(binding, 0, "HOUR"),
        F::Minute => extract(binding, 0, "MINUTE"),
        F::Second => extract(binding, 0, "SECOND"),
        F::FloorTo => round_to(binding, false),
        F::CeilTo => round_to(binding, true),
        F::TimestampAdd => timestamp_add(binding),
        F::TimestampDiff => timestamp_diff(binding),
        F::MinusTo => minus_to(binding),
        F::Overlaps => overlaps(binding),
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

/// How an argument is read as a moment: dates at midnight, times on 1970-01-01.
#[derive(Clone)]
struct Reader {
    argument: usize,
    root: TypeRoot,
    /// For TIMESTAMP_LTZ that is read by the wall clock.
    zone: Option<TimeZone>,
}

impl Reader {
    /// By the wall clock of the session.
    fn local(binding: &Binding<'_>, argument: usize) -> Reader {
        let root = binding.type_of(argument).root.clone();
        let is_instant = matches!(root, TypeRoot::TimestampLtz { .. });
        Reader { argument, root, zone: is_instant.then(|| binding.zone.clone()) }
    }

    /// As it is kept.
    fn plain(binding: &Binding<'_>, argument: usize) -> Reader {
        Reader { zone: None, ..Reader::local(binding, argument) }
    }

    fn moments<'a>(&'a self, call: &Call<'a>) -> Box<dyn FnMut(usize) -> Instant + 'a> {
        let argument = self.argument;
        match &self.root {
            TypeRoot::Date => {
                let days = call.number_of::<Date32Type>(argument);
                Box::new(move |row| Instant { seconds: i64::from(days(row)) * 86_400, nanos: 0 })
            }
            TypeRoot::Time(_) => {
                let millis = call.number_of::<Time32MillisecondType>(argument);
                Box::new(move |row| Instant::of_millis(i64::from(millis(row))))
            }
            _ => {
                let value = &call.arguments[argument];
                let mut offsets = self.zone.as_ref().map(Offsets::new);
                Box::new(move |row| {
                    let at = instant(value.array(), if value.is_constant() { 0 } else { row });
                    offsets.as_mut().map_or(at, |offsets| offsets.to_local(at))
                })
            }
        }
    }
}

fn longs(call: &Call<'_>, mut f: impl FnMut(usize) -> i64) -> Result<ArrayRef> {
    Ok(Arc::new(call.try_numbers::<Int64Type>(|row| Ok(Some(f(row))))?))
}

fn extract(binding: &Binding<'_>, argument: usize, unit: &str) -> Kernel {
    let unit = unit.trim_start_matches("SQL_TSI_").to_owned();
    match binding.type_of(argument).root {
        TypeRoot::IntervalYearMonth => Box::new(move |call| {
            let months = call.number_of::<IntervalYearMonthType>(argument);
            longs(call, |row| i64::from(interval_months_part(&unit, months(row))))
        }),
        TypeRoot::IntervalDayTime => Box::new(move |call| {
            let millis = call.number_of::<DurationMillisecondType>(argument);
            longs(call, |row| match unit.as_str() {
                "DAY" => millis(row) / MILLIS_PER_DAY,
                _ => time_part(&unit, millis(row), 0),
            })
        }),
        _ => {
            let reader = Reader::local(binding, argument);
            let is_time_part = matches!(
                unit.as_str(),
                "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND" | "NANOSECOND"
            );
            Box::new(move |call| {
                let mut moment = reader.moments(call);
                longs(call, |row| {
                    let at = moment(row);
                    match unit.as_str() {
                        "EPOCH" => at.millis() / 1000,
                        _ if is_time_part => time_part(&unit, at.millis(), at.nanos % 1_000_000),
                        _ => date_part(&unit, at.millis() / MILLIS_PER_DAY),
                    }
                })
            })
        }
    }
}

fn interval_months_part(unit: &str, months: i32) -> i32 {
    match unit {
        "YEAR" => months / 12,
        "QUARTER" => months % 12 / 3 + 1,
        "MONTH" => months % 12,
        _ => 0,
    }
}

/// Before 1970 parts of the time are negative, as in Flink.
fn time_part(unit: &str, millis: i64, nanos_of_milli: u32) -> i64 {
    let of_second = millis % 1000;
    match unit {
        "HOUR" => millis % MILLIS_PER_DAY / 3_600_000,
        "MINUTE" => millis % 3_600_000 / 60_000,
        "SECOND" => millis % 60_000 / 1000,
        "MILLISECOND" => of_second,
        "MICROSECOND" => of_second * 1000 + i64::from(nanos_of_milli / 1000),
        _ => of_second * 1_000_000 + i64::from(nanos_of_milli),
    }
}

fn date_part(unit: &str, days: i64) -> i64 {
    let (year, month, day) = civil(days);
    match unit {
        "YEAR" => year,
        "QUARTER" => (month + 2) / 3,
        "MONTH" => month,
        "WEEK" => iso_week(days).1,
        "DAY" => day,
        "DOY" => day_of_year(days),
        "DOW" => sunday_weekday(days),
        "ISODOW" => iso_weekday(days),
        "ISOYEAR" => iso_week(days).0,
        "DECADE" => year.div_euclid(10),
        "CENTURY" => (year + 99).div_euclid(100),
        _ => (year + 999).div_euclid(1000),
    }
}

/// FLOOR and CEIL to a unit, by the wall clock.
fn round_to(binding: &Binding<'_>, is_up: bool) -> Kernel {
    let unit = binding.literal_text(0).unwrap_or_default().to_owned();
    let data_type = binding.result.to_arrow();
    let reader = Reader::local(binding, 1);
    match binding.type_of(1).root {
        TypeRoot::Date => Box::new(move |call| {
            let days = call.number_of::<Date32Type>(1);
            Ok(call.numbers::<Date32Type>(|row| {
                let days = i64::from(days(row));
                let floor = floor_days(&unit, days);
                let rounded = if is_up && floor < days { next_days(&unit, floor) } else { floor };
                rounded as i32
            }))
        }),
        TypeRoot::Time(_) => Box::new(move |call| {
            let time = call.number_of::<Time32MillisecondType>(1);
            let size = unit_millis(&unit).filter(|size| *size < MILLIS_PER_DAY).unwrap_or(1);
            let array = call.try_numbers::<Time32MillisecondType>(|row| {
                let millis = i64::from(time(row));
                let floor = millis / size * size;
                let rounded = if is_up && floor < millis { floor + size } else { floor };
                match rounded < MILLIS_PER_DAY {
                    true => Ok(Some(rounded as i32)),
                    false => Err(refused("CEIL of a time reaches the next day")),
                }
            })?;
            Ok(Arc::new(array))
        }),
        _ => Box::new(move |call| {
            let mut moment = reader.moments(call);
            let mut offsets = reader.zone.as_ref().map(Offsets::new);
            let rows = (0..call.n_rows).map(|row| {
                call.has_result(row).then(|| {
                    let rounded = round_moment(&unit, moment(row), is_up);
                    offsets.as_mut().map_or(rounded, |offsets| offsets.to_instant(rounded))
                })
            });
            timestamps(rows, &data_type)
        }),
    }
}

fn unit_millis(unit: &str) -> Option<i64> {
    Some(match unit {
        "DAY" => MILLIS_PER_DAY,
        "HOUR" => 3_600_000,
        "MINUTE" => 60_000,
        "SECOND" => 1000,
        "MILLISECOND" => 1,
        _ => return None,
    })
}

/// To weeks and longer units only the day counts, which Flink rounds towards 1970.
fn round_moment(unit: &str, at: Instant, is_up: bool) -> Instant {
    let millis = at.millis();
    if let Some(size) = unit_millis(unit) {
        let floor = millis.div_euclid(size) * size;
        // Only to milliseconds does what is below a millisecond count.
        let is_above = floor < millis || (size == 1 && at.nanos % 1_000_000 > 0);
        return Instant::of_millis(if is_up && is_above { floor + size } else { floor });
    }
    let days = millis / MILLIS_PER_DAY;
    let floor = floor_days(unit, days);
    let rounded = if is_up && floor < days { next_days(unit, floor) } else { floor };
    Instant { seconds: rounded * 86_400, nanos: 0 }
}

/// First day of the unit that the day lies in; weeks begin on Sunday.
fn floor_days(unit: &str, days: i64) -> i64 {
    let (year, month, _) = civil(days);
    let of_years = |n: i64, first: i64| days_of((year - first).div_euclid(n) * n + first, 1, 1);
    match unit {
        "WEEK" => days - sunday_weekday(days) + 1,
        "MONTH" => days_of(year, month, 1),
        "QUARTER" => days_of(year, (month - 1) / 3 * 3 + 1, 1),
        "YEAR" => days_of(year, 1, 1),
        "DECADE" => of_years(10, 0),
        "CENTURY" => of_years(100, 1),
        "MILLENNIUM" => of_years(1000, 1),
        _ => days,
    }
}

/// First day of the unit after the one that begins on that day.
fn next_days(unit: &str, first: i64) -> i64 {
    match unit {
        "WEEK" => first + 7,
        "MONTH" => add_months(first, 1),
        "QUARTER" => add_months(first, 3),
        "YEAR" => add_months(first, 12),
        "DECADE" => add_months(first, 120),
        "CENTURY" => add_months(first, 1200),
        "MILLENNIUM" => add_months(first, 12_000),
        _ => first,
    }
}

/// Months or milliseconds of a unit, and which of the two.
fn unit_amount(unit: &str) -> (i64, bool) {
    match unit {
        "YEAR" => (12, true),
        "QUARTER" => (3, true),
        "MONTH" => (1, true),
        "WEEK" => (7 * MILLIS_PER_DAY, false),
        _ => (unit_millis(unit).unwrap_or(1), false),
    }
}

fn unit_of<'a>(binding: &Binding<'a>) -> &'a str {
    binding.literal_text(0).unwrap_or_default().trim_start_matches("SQL_TSI_")
}

fn timestamp_add(binding: &Binding<'_>) -> Kernel {
    let (size, is_months) = unit_amount(unit_of(binding));
    let data_type = binding.result.to_arrow();
    let reader = Reader::plain(binding, 2);
    match binding.result.root {
        TypeRoot::Date => Box::new(move |call| {
            let (n, days) = (call.number_of::<Int64Type>(1), call.number_of::<Date32Type>(2));
            Ok(call.numbers::<Date32Type>(|row| {
                move_date(i64::from(days(row)), n(row).wrapping_mul(size), is_months) as i32
            }))
        }),
        TypeRoot::Time(_) => Box::new(move |call| {
            let n = call.number_of::<Int64Type>(1);
            let time = call.number_of::<Time32MillisecondType>(2);
            Ok(call.numbers::<Time32MillisecondType>(|row| {
                let millis = if is_months { 0 } else { n(row).wrapping_mul(size) };
                i64::from(time(row)).wrapping_add(millis).rem_euclid(MILLIS_PER_DAY) as i32
            }))
        }),
        _ => Box::new(move |call| {
            let n = call.number_of::<Int64Type>(1);
            let mut moment = reader.moments(call);
            let rows = (0..call.n_rows).map(|row| {
                let moved = |at| move_timestamp(at, n(row).wrapping_mul(size), is_months);
                call.has_result(row).then(|| moved(moment(row)))
            });
            timestamps(rows, &data_type)
        }),
    }
}

/// Whole units from a to b as INT, which wraps. Units below a second are counted in whole seconds,
/// as Flink does.
fn timestamp_diff(binding: &Binding<'_>) -> Kernel {
    let unit = unit_of(binding).to_owned();
    let (a, b) = (Reader::plain(binding, 1), Reader::plain(binding, 2));
    Box::new(move |call| {
        let (mut a, mut b) = (a.moments(call), b.moments(call));
        let array = call
            .try_numbers::<Int32Type>(|row| Ok(Some(difference(&unit, a(row), b(row)) as i32)))?;
        Ok(Arc::new(array))
    })
}

fn difference(unit: &str, from: Instant, to: Instant) -> i64 {
    let millis = || to.millis().wrapping_sub(from.millis());
    match unit {
        "YEAR" => months_between(from, to) / 12,
        "QUARTER" => months_between(from, to) / 3,
        "MONTH" => months_between(from, to),
        "WEEK" => millis() / MILLIS_PER_DAY / 7,
        "MILLISECOND" => (millis() / 1000).wrapping_mul(1000),
        "MICROSECOND" => (millis() / 1000).wrapping_mul(1_000_000),
        "NANOSECOND" => (millis() / 1000).wrapping_mul(1_000_000_000),
        _ => millis() / unit_millis(unit).unwrap_or(1),
    }
}

/// Whole months from one moment to another: the greatest number that does not lead past it.
fn months_between(from: Instant, to: Instant) -> i64 {
    let months = months_between_days(from.days(), to.days());
    let lands_on_day = add_months(from.days(), months) == to.days();
    let is_before = (to.second_of_day(), to.nanos) < (from.second_of_day(), from.nanos);
    if lands_on_day && is_before { months - 1 } else { months }
}

fn months_between_days(from: i64, to: i64) -> i64 {
    if to < from {
        return -months_between_days(to, from);
    }
    let ((year, month, _), (to_year, to_month, _)) = (civil(from), civil(to));
    let months = (to_year - year) * 12 + to_month - month;
    if add_months(from, months) > to { months - 1 } else { months }
}

fn minus_to(binding: &Binding<'_>) -> Kernel {
    let is_months = binding.result.root == TypeRoot::IntervalYearMonth;
    let (a, b) = (Reader::plain(binding, 1), Reader::plain(binding, 2));
    Box::new(move |call| {
        let (mut a, mut b) = (a.moments(call), b.moments(call));
        if is_months {
            let array = call.try_numbers::<IntervalYearMonthType>(|row| {
                Ok(Some(months_between(b(row), a(row)) as i32))
            })?;
            return Ok(Arc::new(array));
        }
        let array = call.try_numbers::<DurationMillisecondType>(|row| {
            Ok(Some(a(row).millis().wrapping_sub(b(row).millis())))
        })?;
        Ok(Arc::new(array))
    })
}

/// Periods overlap where they touch; the ends of each may come in any order.
fn overlaps(binding: &Binding<'_>) -> Kernel {
    let ends: Vec<(Reader, TypeRoot)> =
        (0..4).map(|i| (Reader::plain(binding, i), binding.type_of(i).root.clone())).collect();
    Box::new(move |call| {
        let period = |from: usize, row: usize| {
            let (start, _) = &ends[from];
            let start = (start.moments(call))(row);
            let (end, root) = &ends[from + 1];
            let end = match root {
                TypeRoot::IntervalDayTime => {
                    start.plus_millis(call.number_of::<DurationMillisecondType>(from + 1)(row))
                }
                TypeRoot::IntervalYearMonth => {
                    let months = call.number_of::<IntervalYearMonthType>(from + 1)(row);
                    start.plus_months(i64::from(months))
                }
                _ => (end.moments(call))(row),
            };
            (start.min(end), start.max(end))
        };
        call.try_booleans(|row| {
            let (a, b) = (period(0, row), period(2, row));
            Ok(Some(a.0 <= b.1 && b.0 <= a.1))
        })
    })
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
            Ok(zone.map(|zone| Offsets::new(&zone).to_instant(at).millis()))
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
