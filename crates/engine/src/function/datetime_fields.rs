//! The fields that a text shows, read by the format letters of Java and put together.

use super::calendar::{Instant, days_in_month, days_of};
use super::datetime_pattern::{DAYS, MONTHS};

/// What a text says of each field.
#[derive(Default)]
pub(super) struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    hour_of_half: Option<i64>,
    is_afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i64>,
    /// Seconds ahead of UTC.
    pub(super) offset: Option<i64>,
}

impl Fields {
    fn set(&mut self, letter: char, value: i64) {
        let (slot, value) = match letter {
            'y' | 'u' => (&mut self.year, value),
            'M' | 'L' => (&mut self.month, value),
            'd' => (&mut self.day, value),
            'D' => (&mut self.day_of_year, value),
            'H' => (&mut self.hour, value),
            'k' => (&mut self.hour, value % 24),
            'K' => (&mut self.hour_of_half, value),
            'h' => (&mut self.hour_of_half, value % 12),
            'm' => (&mut self.minute, value),
            's' => (&mut self.second, value),
            _ => return,
        };
        *slot = Some(value);
    }

    /// Text after the field; `reserved` digits belong to fixed-width fields behind it.
    pub(super) fn read_modern<'t>(
        &mut self,
        (letter, width): (char, usize),
        text: &'t str,
        reserved: usize,
    ) -> Option<&'t str> {
        match letter {
            'M' | 'L' if width >= 3 => return self.read_month(text, width, false),
            'E' => return read_name(text, &DAYS, width < 4, false).map(|(_, rest)| rest),
            'a' => return self.read_half(text, false),
            'S' => {
                let (value, rest) = number(text, width, width)?;
                self.nanos = Some(value * 10_i64.pow(9 - u32::try_from(width).ok()?));
                return Some(rest);
            }
            'X' | 'x' | 'Z' => return self.read_offset(text),
            _ => {}
        }
        let (least, most) = match (letter, width) {
            ('y' | 'u', 2) => (2, 2),
            ('y' | 'u', 4) => (4, 4),
            ('y' | 'u', _) => (width, 19),
            (_, 1) => (1, 19),
            _ => (width, width),
        };
        let available = text.bytes().take_while(u8::is_ascii_digit).count();
        let most = most.min(available.saturating_sub(reserved).max(least));
        let (value, rest) = number(text, least, most)?;
        let is_short_year = width == 2 && matches!(letter, 'y' | 'u');
        let value = if is_short_year { 2000 + value } else { value };
        is_in_range(letter, value).then(|| self.set(letter, value))?;
        Some(rest)
    }

    /// Text after the field, by the lenient rules.
    pub(super) fn read_simple<'t>(
        &mut self,
        (letter, width): (char, usize),
        text: &'t str,
        is_abutting: bool,
    ) -> Option<&'t str> {
        match letter {
            'M' | 'L' if width >= 3 => return self.read_month(text, 3, true),
            'E' => return read_name(text, &DAYS, true, true).map(|(_, rest)| rest),
            'a' => return self.read_half(text, true),
            'z' | 'Z' | 'X' => return self.read_offset(text),
            _ => {}
        }
        let text = text.trim_start_matches([' ', '\t']);
        let most = if is_abutting { width } else { 18 };
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (value, rest) = number(digits, 1, most)?;
        let n_digits = digits.len() - rest.len();
        let value = if is_negative { -value } else { value };
        match letter {
            'S' => self.nanos = Some(value * 1_000_000),
            // Two digits mean a year of this or the last century.
            'y' if width <= 2 && n_digits == 2 => {
                self.set('y', if value < 50 { 2000 + value } else { 1900 + value });
            }
            _ => self.set(letter, value),
        }
        Some(rest)
    }

    fn read_month<'t>(&mut self, text: &'t str, width: usize, any_case: bool) -> Option<&'t str> {
        let (index, rest) = read_name(text, &MONTHS, width == 3, any_case)?;
        self.month = Some(index);
        Some(rest)
    }

    fn read_half<'t>(&mut self, text: &'t str, any_case: bool) -> Option<&'t str> {
        let (half, rest) = (text.get(..2)?, text.get(2..)?);
        let half = if any_case { half.to_ascii_uppercase() } else { half.to_owned() };
        self.is_afternoon = match half.as_str() {
            "AM" => Some(false),
            "PM" => Some(true),
            _ => return None,
        };
        Some(rest)
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, `UTC`, `GMT`.
    fn read_offset<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        for name in ["Z", "UTC", "GMT"] {
            if let Some(rest) = text.strip_prefix(name) {
                self.offset = Some(0);
                return Some(rest);
            }
        }
        let sign = match text.bytes().next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, rest) = number(&text[1..], 2, 2)?;
        let after_colon = rest.strip_prefix(':').unwrap_or(rest);
        let (minutes, rest) = number(after_colon, 2, 2).unwrap_or((0, rest));
        self.offset = Some(sign * (hours * 3600 + minutes * 60));
        Some(rest)
    }

    /// What is missing is 1970-01-01 00:00:00. A day up to 31 is cut to its month, and 24:00:00 is
    /// the next midnight.
    pub(super) fn resolve_modern(&self) -> Option<Instant> {
        let year = self.year.unwrap_or(1970);
        let days = match (self.day_of_year, self.month, self.day) {
            (Some(day), None, None) if self.year.is_some() => days_of(year, 1, day),
            (_, month, day) => {
                let month = month.unwrap_or(1);
                days_of(year, month, day.unwrap_or(1).min(days_in_month(year, month)))
            }
        };
        let half = self.is_afternoon.map(|is_afternoon| if is_afternoon { 12 } else { 0 });
        let hour = match (self.hour, self.hour_of_half, half) {
            (Some(hour), _, _) => hour,
            (None, Some(hour), Some(half)) => hour + half,
            _ => 0,
        };
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let nanos = self.nanos.unwrap_or(0);
        let is_end_of_day = hour == 24 && (minute, second, nanos) == (0, 0, 0);
        if hour > 23 && !is_end_of_day {
            return None;
        }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Instant { seconds, nanos: u32::try_from(nanos).ok()? })
    }

    /// Fields that are too great go on in the next greater one.
    pub(super) fn resolve_simple(&self) -> Instant {
        let months = self.year.unwrap_or(1970) * 12 + self.month.unwrap_or(1) - 1;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let days = match self.day_of_year {
            Some(day) if self.day.is_none() => days_of(year, 1, day),
            _ => days_of(year, month, self.day.unwrap_or(1)),
        };
        let half = if self.is_afternoon == Some(true) { 12 } else { 0 };
        let hour = self.hour.unwrap_or_else(|| self.hour_of_half.unwrap_or(0) + half);
        let seconds =
            days * 86_400 + hour * 3600 + self.minute.unwrap_or(0) * 60 + self.second.unwrap_or(0);
        let millis = self.nanos.unwrap_or(0) / 1_000_000;
        Instant { seconds, nanos: 0 }.plus_millis(millis)
    }
}

fn is_in_range(letter: char, value: i64) -> bool {
    match letter {
        'M' | 'L' => (1..=12).contains(&value),
        'd' => (1..=31).contains(&value),
        'D' => (1..=366).contains(&value),
        'H' => (0..=24).contains(&value),
        'k' => (1..=24).contains(&value),
        'K' => (0..=11).contains(&value),
        'h' => (1..=12).contains(&value),
        'm' | 's' => (0..=59).contains(&value),
        _ => true,
    }
}

/// At least `least` and at most `most` digits at the beginning, and the text after them.
fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let n_digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(n_digits);
    if n_digits < least.max(1) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

/// The name that a text begins with, counted from 1, and the text after it. Full names, and where
/// `is_short` those of three letters.
fn read_name<'t>(
    text: &'t str,
    names: &[&str],
    is_short: bool,
    any_case: bool,
) -> Option<(i64, &'t str)> {
    let begins = |name: &str| {
        let start = text.get(..name.len())?;
        let is_same = if any_case { start.eq_ignore_ascii_case(name) } else { start == name };
        is_same.then(|| &text[name.len()..])
    };
    let find = |length: Option<usize>| {
        names.iter().enumerate().find_map(|(i, name)| {
            let name = length.map_or(*name, |length| &name[..length]);
            begins(name).map(|rest| (i64::try_from(i).unwrap_or(0) + 1, rest))
        })
    };
    match (is_short, any_case) {
        (true, false) => find(Some(3)),
        (true, true) => find(None).or_else(|| find(Some(3))),
        _ => find(None),
    }
}
