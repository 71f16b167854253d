//! Parts, rounding, sums and differences of dates and times.

use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::ArrayRef;
use arrow_array::types::{
    Date32Type, DurationMillisecondType, Int32Type, Int64Type, IntervalYearMonthType,
    Time32MillisecondType,
};
use jiff::tz::TimeZone;

use super::calendar::{
    Instant, add_months, civil, day_of_year, days_of, instant, iso_week, iso_weekday,
    sunday_weekday, timestamps,
};
use super::interval::{move_date, move_timestamp};
use super::zone::Offsets;
use super::{Binding, Call, Kernel, refused};

const MILLIS_PER_DAY: i64 = 86_400_000;

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
        _ => return Ok(None),
    }))
}

/// How an argument is read as a moment: dates at midnight, times on 1970-01-01.
#[derive(Clone)]
pub(super) struct Reader {
    argument: usize,
    root: TypeRoot,
    /// For TIMESTAMP_LTZ that is read by the wall clock.
    pub(super) zone: Option<TimeZone>,
}

impl Reader {
    /// By the wall clock of the session.
    pub(super) fn local(binding: &Binding<'_>, argument: usize) -> Reader {
        let root = binding.type_of(argument).root.clone();
        let is_instant = matches!(root, TypeRoot::TimestampLtz { .. });
        Reader { argument, root, zone: is_instant.then(|| binding.zone.clone()) }
    }

    /// As it is kept.
    fn plain(binding: &Binding<'_>, argument: usize) -> Reader {
        Reader { zone: None, ..Reader::local(binding, argument) }
    }

    pub(super) fn moments<'a>(&'a self, call: &Call<'a>) -> Box<dyn FnMut(usize) -> Instant + 'a> {
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
                    offsets.as_mut().map_or(at, |offsets| offsets.local_of(at))
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
                    offsets.as_mut().map_or(rounded, |offsets| offsets.instant_of(rounded))
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
        let is_above = floor < millis || (size == 1 && !at.nanos.is_multiple_of(1_000_000));
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
