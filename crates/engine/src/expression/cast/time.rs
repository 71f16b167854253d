//! Conversions to DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ, and to intervals.

use std::sync::Arc;

use argus_base::logical_type::timestamp_unit;
use argus_base::{Result, TypeRoot};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, Time32MillisecondType};
use arrow_array::{
    Array, ArrayRef, Date32Array, DurationMillisecondArray, IntervalYearMonthArray,
    Time32MillisecondArray,
};
use jiff::tz::TimeZone;

use super::super::value::downcast;
use super::parse::parse_all;
use super::{Apply, Pair, number};
use crate::function::calendar::{Instant, instant, timestamps};
use crate::function::datetime_text::{parse_date, parse_time, parse_timestamp};
use crate::function::zone::Offsets;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// The conversion to DATE, TIME, TIMESTAMP or TIMESTAMP_LTZ.
pub(super) fn to_datetime(pair: Pair<'_>) -> Result<Apply> {
    match pair.to {
        TypeRoot::Date => to_date(pair),
        TypeRoot::Time(precision) => to_time(pair, *precision),
        TypeRoot::Timestamp { precision, .. } => to_timestamp(pair, *precision, false),
        TypeRoot::TimestampLtz { precision, .. } => to_timestamp(pair, *precision, true),
        _ => Err(pair.unknown()),
    }
}

fn to_date(pair: Pair<'_>) -> Result<Apply> {
    let (to, is_try) = (pair.to.clone(), pair.is_try);
    Ok(match pair.from {
        from if from.is_character() => Box::new(move |array| {
            let days = parse_all(array, is_try, &to, parse_date)?;
            Ok(Arc::new(Date32Array::from(days)))
        }),
        from if from.is_timestamp() => {
            let local = local_reader(from, pair.zone);
            // Flink divides toward zero, so that the day before 1970 is day 0 as well.
            Box::new(move |array| {
                let days = local(array).into_iter().map(|at| (at.millis() / MILLIS_PER_DAY) as i32);
                let values: Vec<i32> = days.collect();
                Ok(Arc::new(Date32Array::new(values.into(), array.nulls().cloned())))
            })
        }
        _ => return Err(pair.unknown()),
    })
}

fn to_time(pair: Pair<'_>, precision: u8) -> Result<Apply> {
    let (to, is_try) = (pair.to.clone(), pair.is_try);
    let unit = [1000, 100, 10, 1][usize::from(precision.min(3))];
    Ok(match pair.from {
        from if from.is_character() => Box::new(move |array| {
            let times = parse_all(array, is_try, &to, parse_time)?;
            let times = times.into_iter().map(|time| time.map(|millis| millis / unit * unit));
            Ok(Arc::new(times.collect::<Time32MillisecondArray>()))
        }),
        from if from.is_timestamp() => {
            let local = local_reader(from, pair.zone);
            Box::new(move |array| {
                let of_day = |at: Instant| at.millis().rem_euclid(MILLIS_PER_DAY) as i32;
                let values = local(array).into_iter().map(|at| of_day(at) / unit * unit);
                let values: Vec<i32> = values.collect();
                Ok(Arc::new(Time32MillisecondArray::new(values.into(), array.nulls().cloned())))
            })
        }
        TypeRoot::Time(_) => Box::new(move |array| {
            let times = array.as_primitive::<Time32MillisecondType>();
            Ok(Arc::new(times.unary::<_, Time32MillisecondType>(|millis| millis / unit * unit)))
        }),
        _ => return Err(pair.unknown()),
    })
}

/// What a column of timestamps shows on the wall clock of the session zone.
fn local_reader(
    from: &TypeRoot,
    zone: &TimeZone,
) -> impl Fn(&ArrayRef) -> Vec<Instant> + Send + Sync + 'static {
    let is_local = !matches!(from, TypeRoot::TimestampLtz { .. });
    let zone = zone.clone();
    move |array| {
        let mut offsets = Offsets::new(&zone);
        let read = |row| match is_local {
            true => instant(array, row),
            false => offsets.local_of(instant(array, row)),
        };
        (0..array.len()).map(read).collect()
    }
}

fn to_timestamp(pair: Pair<'_>, precision: u8, is_instant: bool) -> Result<Apply> {
    let (from, to) = (pair.from.clone(), pair.to.clone());
    let (zone, is_try) = (pair.zone.clone(), pair.is_try);
    let data_type = to.clone().nullable().to_arrow();
    let from_is_instant = matches!(from, TypeRoot::TimestampLtz { .. });
    let is_readable = from.is_character()
        || from.is_timestamp()
        || matches!(from, TypeRoot::Date | TypeRoot::Time(_));
    if !is_readable {
        return Err(pair.unknown());
    }
    let is_relabel = from_is_instant == is_instant && is_widening(&from, precision);
    Ok(Box::new(move |array| {
        if is_relabel {
            return Ok(array.clone());
        }
        let mut offsets = Offsets::new(&zone);
        let values = read_instants(&from, array, is_try, &to)?;
        let values = values.into_iter().map(|at| {
            at.map(|at| match (from_is_instant, is_instant) {
                (false, true) => offsets.instant_of(at),
                (true, false) => offsets.local_of(at),
                _ => at,
            })
        });
        let values = values.map(|at| at.map(|at| at.truncated(precision)));
        timestamps(values, &data_type)
    }))
}

/// Whether a timestamp keeps its representation at that precision.
fn is_widening(from: &TypeRoot, precision: u8) -> bool {
    match from {
        TypeRoot::Timestamp { precision: from, .. }
        | TypeRoot::TimestampLtz { precision: from, .. } => {
            *from <= precision && timestamp_unit(*from) == timestamp_unit(precision)
        }
        _ => false,
    }
}

fn read_instants(
    from: &TypeRoot,
    array: &ArrayRef,
    is_try: bool,
    to: &TypeRoot,
) -> Result<Vec<Option<Instant>>> {
    if from.is_character() {
        return parse_all(array, is_try, to, parse_timestamp);
    }
    let read = |row: usize| match from {
        TypeRoot::Date => {
            let days = array.as_primitive::<Date32Type>().value(row);
            Instant { seconds: i64::from(days) * 86_400, nanos: 0 }
        }
        TypeRoot::Time(_) => {
            Instant::of_millis(i64::from(array.as_primitive::<Time32MillisecondType>().value(row)))
        }
        _ => instant(array, row),
    };
    Ok((0..array.len()).map(|row| array.is_valid(row).then(|| read(row))).collect())
}

/// An integer as so many months, or so many seconds.
pub(super) fn to_interval(from: &TypeRoot, to: &TypeRoot) -> Apply {
    let to_long = number::convert(from, &TypeRoot::BigInt, false);
    let is_long = *from == TypeRoot::BigInt;
    let is_months = *to == TypeRoot::IntervalYearMonth;
    Box::new(move |array| {
        let longs = if is_long { array.clone() } else { to_long(array)? };
        let longs = downcast::<arrow_array::PrimitiveArray<Int64Type>>(&longs);
        Ok(match is_months {
            true => {
                let values: Vec<i32> = longs.values().iter().map(|v| *v as i32).collect();
                Arc::new(IntervalYearMonthArray::new(values.into(), longs.nulls().cloned()))
            }
            false => {
                let values: Vec<i64> =
                    longs.values().iter().map(|v| v.wrapping_mul(1000)).collect();
                Arc::new(DurationMillisecondArray::new(values.into(), longs.nulls().cloned()))
            }
        })
    })
}
