//! Days, months and instants: plain arithmetic of the proleptic Gregorian calendar.

use std::sync::Arc;

use argus_base::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{
    Array, ArrayRef, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow_schema::{DataType, TimeUnit};

/// A moment: of UTC for TIMESTAMP_LTZ, of the wall clock for TIMESTAMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    /// Since 1970-01-01 00:00:00.
    pub(crate) seconds: i64,
    /// Below a second, never negative.
    pub(crate) nanos: u32,
}

impl Instant {
    pub(crate) fn of_millis(millis: i64) -> Instant {
        let nanos = millis.rem_euclid(1000) as u32 * 1_000_000;
        Instant { seconds: millis.div_euclid(1000), nanos }
    }

    fn of(value: i64, per_second: i64) -> Instant {
        let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
        Instant { seconds: value.div_euclid(per_second), nanos: nanos as u32 }
    }

    pub(crate) fn millis(self) -> i64 {
        self.seconds.wrapping_mul(1000).wrapping_add(i64::from(self.nanos / 1_000_000))
    }

    /// With that many digits after the point, the others cut.
    pub(crate) fn truncated(self, precision: u8) -> Instant {
        let unit = 10_u32.pow(9 - u32::from(precision.min(9)));
        Instant { nanos: self.nanos / unit * unit, ..self }
    }

    /// That many days since 1970-01-01.
    pub(crate) fn days(self) -> i64 {
        self.seconds.div_euclid(86_400)
    }

    /// Seconds since midnight.
    pub(crate) fn second_of_day(self) -> i64 {
        self.seconds.rem_euclid(86_400)
    }

    pub(crate) fn plus_seconds(self, seconds: i64) -> Instant {
        Instant { seconds: self.seconds.wrapping_add(seconds), ..self }
    }

    pub(crate) fn plus_millis(self, millis: i64) -> Instant {
        let nanos = i64::from(self.nanos) + millis.rem_euclid(1000) * 1_000_000;
        let seconds = millis.div_euclid(1000) + nanos.div_euclid(1_000_000_000);
        let nanos = nanos.rem_euclid(1_000_000_000) as u32;
        Instant { seconds: self.seconds.wrapping_add(seconds), nanos }
    }

    /// The same time of day so many months later, on the last day of a shorter month.
    pub(crate) fn plus_months(self, months: i64) -> Instant {
        let days = add_months(self.days(), months);
        Instant { seconds: days * 86_400 + self.second_of_day(), nanos: self.nanos }
    }
}

/// The value of a timestamp column in a row that is not NULL.
pub(crate) fn instant(array: &ArrayRef, row: usize) -> Instant {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Instant::of(array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Instant::of(array.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000)
        }
        _ => Instant::of_millis(array.as_primitive::<TimestampMillisecondType>().value(row)),
    }
}

/// A timestamp column; NULL as well for what its unit cannot hold.
pub(crate) fn timestamps(
    values: impl Iterator<Item = Option<Instant>>,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, zone) = data_type else {
        return Err(Error::bug(format!("{data_type} is no timestamp")));
    };
    let in_unit = |at: Instant, per_second: i64| {
        let whole = at.seconds.checked_mul(per_second)?;
        whole.checked_add(i64::from(at.nanos) / (1_000_000_000 / per_second))
    };
    Ok(match unit {
        TimeUnit::Nanosecond => {
            let values = values.map(|at| at.and_then(|at| in_unit(at, 1_000_000_000)));
            let array: TimestampNanosecondArray = values.collect();
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        TimeUnit::Microsecond => {
            let values = values.map(|at| at.and_then(|at| in_unit(at, 1_000_000)));
            let array: TimestampMicrosecondArray = values.collect();
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        _ => {
            let values = values.map(|at| at.and_then(|at| in_unit(at, 1000)));
            let array: TimestampMillisecondArray = values.collect();
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
    })
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Counts in eras of 400 years that begin on the first of March, so that the leap day comes last.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970-01-01 of a date; the month must be 1 to 12, the day may be any.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

pub(crate) fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// So many months later, on the last day of a shorter month.
pub(crate) fn add_months(days: i64, months: i64) -> i64 {
    let (year, month, day) = civil(days);
    let total = year * 12 + month - 1 + months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    days_of(year, month, day.min(days_in_month(year, month)))
}

/// 1 on the first of January.
pub(crate) fn day_of_year(days: i64) -> i64 {
    days - days_of(civil(days).0, 1, 1) + 1
}

/// 1 for Monday to 7 for Sunday.
pub(crate) fn iso_weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// 1 for Sunday to 7 for Saturday.
pub(crate) fn sunday_weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7) + 1
}

/// Year and number of the ISO week.
pub(crate) fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - iso_weekday(days) + 4;
    (civil(thursday).0, (day_of_year(thursday) - 1) / 7 + 1)
}

/// Year and number of the week where weeks begin on Sunday and the first has the first of January.
pub(crate) fn us_week(days: i64) -> (i64, i64) {
    let saturday = days - sunday_weekday(days) + 7;
    (civil(saturday).0, (day_of_year(saturday) - 1) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(19_782), (2024, 2, 29));
        for days in (-1_000_000..1_000_000).step_by(997) {
            let (year, month, day) = civil(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn weeks() {
        assert_eq!(iso_week(days_of(2024, 12, 31)), (2025, 1));
        assert_eq!(iso_week(days_of(2021, 1, 1)), (2020, 53));
        assert_eq!(us_week(days_of(2024, 12, 31)), (2025, 1));
        assert_eq!(us_week(days_of(2024, 2, 29)), (2024, 9));
    }

    #[test]
    fn months_end_on_the_last_day() {
        assert_eq!(civil(add_months(days_of(2024, 1, 31), 1)), (2024, 2, 29));
        assert_eq!(civil(add_months(days_of(2024, 3, 31), -1)), (2024, 2, 29));
        assert_eq!(civil(add_months(days_of(2024, 2, 29), 12)), (2025, 2, 28));
    }
}
