//! The texts that CAST and TO_TIMESTAMP without a format read as dates and times.

use super::calendar::{Instant, days_in_month, days_of};

/// `2024-02-29`, `2024-2`, `2024`, with anything after a space.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let text = match text.find(' ') {
        Some(end) if end > 0 => &text[..end],
        _ => text,
    };
    let mut parts = text.splitn(3, '-');
    let year = part(parts.next()?)?;
    let month = parts.next().map_or(Some(1), part)?;
    let day = parts.next().map_or(Some(1), part)?;
    let is_date = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day);
    is_date.then(|| i32::try_from(days_of(year, month, day)).ok()).flatten()
}

fn part(text: &str) -> Option<i64> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.len() <= 9;
    (is_number && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `10:11:12.345`, `10:11`, `10`: milliseconds since midnight.
pub(crate) fn parse_time(text: &str) -> Option<i32> {
    let mut parts = text.trim().splitn(3, ':');
    let hour = part(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), part)?;
    let (second, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
        None => ("0", ""),
    };
    let second = part(second)?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    let nanos = if is_time { nanos(fraction)? } else { return None };
    i32::try_from((hour * 3600 + minute * 60 + second) * 1000 + i64::from(nanos / 1_000_000)).ok()
}

fn nanos(digits: &str) -> Option<u32> {
    if digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    Some(value * 10_u32.pow(9 - u32::try_from(digits.len()).ok()?))
}

/// `2024-02-29 12:34:56.789`: four digits of the year, one or two of the others, up to nine after
/// the point; the time may be missing. A day up to 31 is cut to its month, and 24:00:00 is the
/// next midnight.
pub(crate) fn parse_timestamp(text: &str) -> Option<Instant> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4, 4)?;
    let month = number(expect(&mut rest, b'-')?, 1, 2)?;
    let day = number(expect(&mut rest, b'-')?, 1, 2)?;
    let is_date = year > 0 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date {
        return None;
    }
    let days = days_of(year, month, day.min(days_in_month(year, month)));
    if rest.is_empty() {
        return Some(Instant { seconds: days * 86_400, nanos: 0 });
    }
    let hour = number(expect(&mut rest, b' ')?, 1, 2)?;
    let minute = number(expect(&mut rest, b':')?, 1, 2)?;
    let second = number(expect(&mut rest, b':')?, 1, 2)?;
    let nanos = match rest.split_first() {
        None => 0,
        Some((b'.', digits)) => nanos(std::str::from_utf8(digits).ok()?)?,
        Some(_) => return None,
    };
    let is_end_of_day = (hour, minute, second, nanos) == (24, 0, 0, 0);
    let is_time = hour < 24 && minute < 60 && second < 60;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    (is_time || is_end_of_day).then_some(Instant { seconds, nanos })
}

/// `2024-2-9 1:2:3.5` or `2024-2-9` with spaces around, as java.sql reads them: what is too great
/// goes on in the next greater unit.
pub(crate) fn parse_jdbc(text: &str) -> Option<Instant> {
    let (date, time) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let mut rest = date.as_bytes();
    let year = number(&mut rest, 4, 4)?;
    let month = number(expect(&mut rest, b'-')?, 1, 2)?;
    let day = number(expect(&mut rest, b'-')?, 1, 2)?;
    let is_date = rest.is_empty() && (1..=12).contains(&month) && (1..=31).contains(&day);
    let days = is_date.then(|| days_of(year, month, day))?;
    if time.is_empty() {
        return Some(Instant { seconds: days * 86_400, nanos: 0 });
    }
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.splitn(3, ':').map(part);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let nanos = if fraction.is_empty() { return None } else { nanos(fraction)? };
    Some(Instant { seconds: days * 86_400 + hour * 3600 + minute * 60 + second, nanos })
}

fn expect<'a, 'b>(rest: &'a mut &'b [u8], byte: u8) -> Option<&'a mut &'b [u8]> {
    *rest = rest.strip_prefix(&[byte])?;
    Some(rest)
}

/// Takes at least `least` and at most `most` digits.
fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<i64> {
    let n_digits = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if n_digits < least {
        return None;
    }
    let value =
        rest[..n_digits].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    *rest = &rest[n_digits..];
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        let seconds = |text: &str| parse_timestamp(text).map(|at| at.seconds);
        assert_eq!(seconds("1970-01-02"), Some(86_400));
        assert_eq!(seconds("1970-1-2 0:0:1"), Some(86_401));
        assert_eq!(seconds("1970-02-30"), seconds("1970-02-28"));
        assert_eq!(seconds("1970-01-01 24:00:00"), Some(86_400));
        for bad in
            ["1970-01-01 24:00:01", "1970-01-01T00:00:00", "12020-01-01", "1970-001-01", "abc"]
        {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
