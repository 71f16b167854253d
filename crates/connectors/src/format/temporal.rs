//! Dates and times as text, the way Java's formatters read and print them.
//!
//! Flink has two standards for timestamps. SQL writes `2020-12-30 12:13:14.123`, ISO-8601
//! writes `2020-12-30T12:13:14.123`; a timestamp with local time zone is in UTC and ends in `Z`.
//! Fractions have 0 to 9 digits and are printed without trailing zeros. Offsets are refused.
//!
//! All of Flink's formatters but two resolve "smart": day 31 of a shorter month (and 30 or 29 of
//! February) is its last day, and 24:00:00 is midnight of the next day. The two strict ones
//! are those of DATE and of an ISO-8601 TIMESTAMP, as Java's own constants are.

use arrow_schema::TimeUnit;

use super::number::{write_display, write_integer};

/// Nanoseconds of a day.
pub(crate) const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// How timestamps are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    /// A blank between date and time; seconds always written.
    Sql,
    /// A `T` between date and time; seconds may be left out.
    Iso8601,
}

/// A point of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Nanoseconds since midnight, below [`NANOS_PER_DAY`].
    pub nano_of_day: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Resolver {
    Smart,
    Strict,
}

impl DateTime {
    /// As a count of the unit, finer digits cut off. `None` where 64 bits do not hold it.
    #[inline]
    pub fn to_unit(self, unit: TimeUnit) -> Option<i64> {
        let per_day = units_per_day(unit);
        let of_day = self.nano_of_day / (NANOS_PER_DAY / per_day);
        self.day.checked_mul(per_day)?.checked_add(of_day)
    }

    /// The point a count of the unit names.
    pub fn from_unit(value: i64, unit: TimeUnit) -> DateTime {
        let per_day = units_per_day(unit);
        let nano_of_day = value.rem_euclid(per_day) * (NANOS_PER_DAY / per_day);
        DateTime { day: value.div_euclid(per_day), nano_of_day }
    }
}

fn units_per_day(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 86_400,
        TimeUnit::Millisecond => 86_400_000,
        TimeUnit::Microsecond => 86_400_000_000,
        TimeUnit::Nanosecond => NANOS_PER_DAY,
    }
}

/// Days since 1970-01-01 of `yyyy-MM-dd`.
pub(crate) fn parse_date(text: &[u8]) -> Option<i32> {
    let mut cursor = Cursor { text, at: 0 };
    let day = cursor.date(Resolver::Strict)?;
    if cursor.at == text.len() { i32::try_from(day).ok() } else { None }
}

/// Milliseconds since midnight of `HH:mm:ss[.fraction]`, the fraction cut off: every TIME column
/// is TIME(0), and Flink's decoders keep whole seconds.
pub(crate) fn parse_time(text: &[u8]) -> Option<i32> {
    let mut cursor = Cursor { text, at: 0 };
    let nanos = cursor.time(false, Resolver::Smart)?;
    let millis = nanos % NANOS_PER_DAY / NANOS_PER_SECOND * 1_000;
    if cursor.at == text.len() { i32::try_from(millis).ok() } else { None }
}

/// Milliseconds since midnight of `HH:mm[:ss[.fraction]]`, the fraction cut off as in
/// [`parse_time`], where no hour is 24.
pub(crate) fn parse_iso_time(text: &[u8]) -> Option<i32> {
    let mut cursor = Cursor { text, at: 0 };
    let nanos = cursor.time(true, Resolver::Strict)?;
    let millis = nanos / NANOS_PER_SECOND * 1_000;
    if cursor.at == text.len() { i32::try_from(millis).ok() } else { None }
}

/// A TIMESTAMP, or with `local` a TIMESTAMP_LTZ, whose text ends in `Z`.
#[inline]
pub(crate) fn parse_timestamp(text: &[u8], standard: Standard, local: bool) -> Option<DateTime> {
    let resolver = match (standard, local) {
        (Standard::Iso8601, false) => Resolver::Strict,
        _ => Resolver::Smart,
    };
    let text = if local { text.strip_suffix(b"Z")? } else { text };
    let mut cursor = Cursor { text, at: 0 };
    let mut day = cursor.date(resolver)?;
    match (standard, cursor.next()?) {
        (Standard::Sql, b' ') | (Standard::Iso8601, b'T') => {}
        (Standard::Iso8601, b't') if !local => {}
        _ => return None,
    }
    let mut nano_of_day = cursor.time(standard == Standard::Iso8601, resolver)?;
    if cursor.at != text.len() {
        return None;
    }
    if nano_of_day == NANOS_PER_DAY {
        nano_of_day = 0;
        day += 1;
    }
    Some(DateTime { day, nano_of_day })
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, expected: u8) -> Option<()> {
        if self.next()? == expected { Some(()) } else { None }
    }

    fn two_digits(&mut self) -> Option<i64> {
        let pair = self.text.get(self.at..self.at + 2)?;
        let (tens, ones) = (pair[0].wrapping_sub(b'0'), pair[1].wrapping_sub(b'0'));
        if tens > 9 || ones > 9 {
            return None;
        }
        self.at += 2;
        Some(i64::from(tens) * 10 + i64::from(ones))
    }

    /// Four digits; or up to nine after a `-`, or five to nine after a `+`.
    fn year(&mut self) -> Option<i64> {
        let sign = match self.text.get(self.at)? {
            sign @ (b'+' | b'-') => Some(*sign),
            _ => None,
        };
        self.at += usize::from(sign.is_some());
        let start = self.at;
        let mut year = 0;
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            year = year * 10 + i64::from(digit - b'0');
            self.at += 1;
            if self.at - start > 9 {
                return None;
            }
        }
        match (sign, self.at - start) {
            (None, 4) | (Some(b'+'), 5..) => Some(year),
            (Some(b'-'), 4..) if year != 0 => Some(-year),
            _ => None,
        }
    }

    fn date(&mut self, resolver: Resolver) -> Option<i64> {
        let year = self.year()?;
        self.eat(b'-')?;
        let month = self.two_digits()?;
        self.eat(b'-')?;
        let mut day = self.two_digits()?;
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let last = days_in_month(year, month);
        if day > last {
            if resolver == Resolver::Strict {
                return None;
            }
            day = last;
        }
        Some(day_of(year, month, day))
    }

    /// Nanoseconds since midnight; [`NANOS_PER_DAY`] for 24:00:00 where that is allowed.
    fn time(&mut self, optional_seconds: bool, resolver: Resolver) -> Option<i64> {
        let hour = self.two_digits()?;
        self.eat(b':')?;
        let minute = self.two_digits()?;
        let (mut second, mut nanos) = (0, 0);
        if !optional_seconds || self.text.get(self.at) == Some(&b':') {
            self.eat(b':')?;
            second = self.two_digits()?;
            nanos = self.fraction()?;
        }
        let time = (hour * 3600 + minute * 60 + second) * NANOS_PER_SECOND + nanos;
        let is_end_of_day = time == NANOS_PER_DAY && hour == 24 && resolver == Resolver::Smart;
        let in_range = hour <= 23 && minute <= 59 && second <= 59;
        if in_range || is_end_of_day { Some(time) } else { None }
    }

    /// A point and one to nine digits, or nothing, in nanoseconds.
    fn fraction(&mut self) -> Option<i64> {
        if self.text.get(self.at) != Some(&b'.') {
            return Some(0);
        }
        self.at += 1;
        let start = self.at;
        let (mut nanos, mut unit) = (0, NANOS_PER_SECOND / 10);
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            if unit == 0 {
                break;
            }
            nanos += i64::from(digit - b'0') * unit;
            unit /= 10;
            self.at += 1;
        }
        (self.at > start).then_some(nanos)
    }
}

/// Whether February of the year has 29 days.
fn is_leap_year(year: i64) -> bool {
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

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar. Years are counted from
/// March, so that the leap day is the last of its year.
pub(crate) fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of days since 1970-01-01.
pub(crate) fn civil_of(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// `yyyy-MM-dd`; years past 9999 have a sign.
pub(crate) fn write_date(out: &mut Vec<u8>, day: i64) {
    let (year, month, day) = civil_of(day);
    if (0..=9999).contains(&year) {
        push_two(out, year / 100);
        push_two(out, year % 100);
    } else {
        write_display(out, format_args!("{year:+05}"));
    }
    out.push(b'-');
    push_two(out, month);
    out.push(b'-');
    push_two(out, day);
}

/// `HH:mm:ss[.fraction]` without trailing zeros.
pub(crate) fn write_time(out: &mut Vec<u8>, nano_of_day: i64) {
    let second = nano_of_day / NANOS_PER_SECOND;
    push_two(out, second / 3600);
    out.push(b':');
    push_two(out, second / 60 % 60);
    out.push(b':');
    push_two(out, second % 60);
    let nanos = nano_of_day % NANOS_PER_SECOND;
    if nanos != 0 {
        // A leading one keeps the zeros in front.
        let start = out.len();
        write_integer(out, NANOS_PER_SECOND + nanos);
        out[start] = b'.';
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// A timestamp in the standard's form, with `Z` where it has local time zone.
pub(crate) fn write_timestamp(
    out: &mut Vec<u8>,
    timestamp: DateTime,
    standard: Standard,
    local: bool,
) {
    write_date(out, timestamp.day);
    out.push(if standard == Standard::Sql { b' ' } else { b'T' });
    write_time(out, timestamp.nano_of_day);
    if local {
        out.push(b'Z');
    }
}

fn push_two(out: &mut Vec<u8>, value: i64) {
    out.push(b'0' + (value / 10 % 10) as u8);
    out.push(b'0' + (value % 10) as u8);
}

#[cfg(test)]
#[path = "temporal_tests.rs"]
mod tests;
