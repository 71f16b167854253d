//! The format letters of Java: those of DateTimeFormatter (modern) and of SimpleDateFormat.
//!
//! A pattern is compiled to items once. The modern dialect is strict: widths are those of the
//! letters, text is case-sensitive, and nothing may be left over. The simple one is lenient:
//! numbers may have any width and overflow into the next field, and what follows is ignored.

use std::sync::{Arc, Mutex, PoisonError};

use argus_base::Result;

use super::calendar::{Instant, civil, day_of_year, iso_weekday, sunday_weekday, us_week};
use super::datetime_fields::Fields;
use super::refused;
use super::zone::Offsets;
use crate::expression::text::padded;

/// Whose letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// java.time.format.DateTimeFormatter.
    Modern,
    /// java.text.SimpleDateFormat.
    Simple,
}

/// A compiled format.
pub(super) struct Pattern {
    items: Vec<Item>,
    dialect: Dialect,
}

enum Item {
    Text(String),
    Field { letter: char, width: usize },
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Compiled formats: that of a literal, or the last that was asked for.
pub(super) struct Patterns {
    dialect: Dialect,
    literal: Option<Compiled>,
    last: Mutex<Option<(String, Compiled)>>,
}

type Compiled = std::result::Result<Arc<Pattern>, String>;

impl Patterns {
    /// Of the literal that every row has, where it is one.
    pub(super) fn new(dialect: Dialect, literal: Option<&str>) -> Patterns {
        let literal = literal.map(|text| Pattern::new(text, dialect).map(Arc::new));
        Patterns { dialect, literal, last: Mutex::new(None) }
    }

    /// The format of that text; an error where it is none.
    pub(super) fn get(&self, text: &str) -> Result<Arc<Pattern>> {
        if let Some(literal) = &self.literal {
            return literal.clone().map_err(refused);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, pattern)) = &*last
            && known == text
        {
            return pattern.clone().map_err(refused);
        }
        let pattern = Pattern::new(text, self.dialect).map(Arc::new);
        *last = Some((text.to_owned(), pattern.clone()));
        pattern.map_err(refused)
    }
}

impl Pattern {
    /// Compiles a format, or says what is wrong with it.
    pub(super) fn new(text: &str, dialect: Dialect) -> std::result::Result<Pattern, String> {
        let mut items: Vec<Item> = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            if c.is_ascii_alphabetic() {
                let mut width = 1;
                while characters.next_if_eq(&c).is_some() {
                    width += 1;
                }
                check_letter(c, width, text, dialect)?;
                items.push(Item::Field { letter: c, width });
                continue;
            }
            let mut literal = String::new();
            match c {
                '\'' if characters.next_if_eq(&'\'').is_some() => literal.push('\''),
                '\'' => quoted(&mut characters, &mut literal),
                '[' | ']' if dialect == Dialect::Modern => {}
                _ => literal.push(c),
            }
            match items.last_mut() {
                Some(Item::Text(text)) => text.push_str(&literal),
                _ if literal.is_empty() => {}
                _ => items.push(Item::Text(literal)),
            }
        }
        Ok(Pattern { items, dialect })
    }

    /// Writes a wall clock that is `offset` seconds ahead of UTC in the zone of that name.
    pub(super) fn format(
        &self,
        at: Instant,
        offset: i64,
        zone: &str,
        out: &mut String,
    ) -> Result<()> {
        for item in &self.items {
            match item {
                Item::Text(text) => out.push_str(text),
                Item::Field { letter, width } => match self.dialect {
                    Dialect::Modern => modern_field(*letter, *width, at, out)?,
                    Dialect::Simple => simple_field(*letter, *width, at, (offset, zone), out)?,
                },
            }
        }
        Ok(())
    }

    /// The wall clock that a text shows, by the modern rules.
    pub(super) fn parse_modern(&self, text: &str) -> Option<Instant> {
        let mut fields = Fields::default();
        let mut rest = text;
        for (i, item) in self.items.iter().enumerate() {
            rest = match item {
                Item::Text(text) => rest.strip_prefix(text.as_str())?,
                Item::Field { letter, width } => {
                    let reserved = self.adjacent_width(i + 1);
                    fields.read_modern((*letter, *width), rest, reserved)?
                }
            };
        }
        if rest.is_empty() { fields.resolve_modern() } else { None }
    }

    /// The instant of UTC that the beginning of a text shows in a zone, by the simple rules.
    pub(super) fn parse_simple(&self, text: &str, offsets: &mut Offsets<'_>) -> Option<Instant> {
        let mut fields = Fields::default();
        let mut rest = text;
        for (i, item) in self.items.iter().enumerate() {
            rest = match item {
                Item::Text(text) => rest.strip_prefix(text.as_str())?,
                Item::Field { letter, width } => {
                    let is_abutting = matches!(self.items.get(i + 1), Some(Item::Field { .. }));
                    fields.read_simple((*letter, *width), rest, is_abutting)?
                }
            };
        }
        let local = fields.resolve_simple();
        Some(match fields.offset {
            Some(offset) => local.plus_seconds(-offset),
            None => offsets.later_instant_of(local),
        })
    }

    /// Digits that the fixed-width numbers right after a field take.
    fn adjacent_width(&self, from: usize) -> usize {
        let mut total = 0;
        for item in &self.items[from..] {
            match item {
                Item::Field { letter, width } if is_fixed_number(*letter, *width) => total += width,
                _ => break,
            }
        }
        total
    }
}

/// Two quotes inside are one.
fn quoted(characters: &mut std::iter::Peekable<std::str::Chars<'_>>, literal: &mut String) {
    while let Some(c) = characters.next() {
        if c != '\'' {
            literal.push(c);
        } else if characters.next_if_eq(&'\'').is_some() {
            literal.push('\'');
        } else {
            return;
        }
    }
}

fn check_letter(
    letter: char,
    width: usize,
    text: &str,
    dialect: Dialect,
) -> std::result::Result<(), String> {
    let (letters, most) = match dialect {
        Dialect::Simple => ("GyYMLwWDdFEuaHkKhmsSzZX", usize::MAX),
        Dialect::Modern => {
            let most = match letter {
                'd' | 'h' | 'H' | 'k' | 'K' | 'm' | 's' | 'w' => 2,
                'a' | 'W' | 'F' => 1,
                'D' => 3,
                'E' | 'e' | 'M' | 'L' | 'Q' | 'q' | 'G' | 'X' | 'x' | 'Z' => 5,
                'S' => 9,
                _ => 19,
            };
            ("GuyYMLQqwWDdFEeaHkKhmsSAnNzXxZVO", most)
        }
    };
    if !letters.contains(letter) {
        return Err(format!("unknown letter '{letter}' in the format '{text}'"));
    }
    if width > most {
        return Err(format!("too many letters '{letter}' in the format '{text}'"));
    }
    Ok(())
}

fn is_fixed_number(letter: char, width: usize) -> bool {
    match letter {
        'M' | 'L' => width == 2,
        'S' => true,
        'd' | 'h' | 'H' | 'k' | 'K' | 'm' | 's' => width == 2,
        'D' => width == 3,
        _ => false,
    }
}

/// Parts of a wall clock that both dialects show the same way.
fn number_of(letter: char, at: Instant) -> Option<i64> {
    let (days, second) = (at.days(), at.second_of_day());
    let hour = second / 3600;
    Some(match letter {
        'd' => civil(days).2,
        'D' => day_of_year(days),
        'H' => hour,
        'k' => {
            if hour == 0 {
                24
            } else {
                hour
            }
        }
        'K' => hour % 12,
        'h' => {
            if hour % 12 == 0 {
                12
            } else {
                hour % 12
            }
        }
        'm' => second / 60 % 60,
        's' => second % 60,
        'w' => us_week(days).1,
        'W' => (civil(days).2 - 1 + sunday_weekday(days - civil(days).2 + 1) - 1) / 7 + 1,
        _ => return None,
    })
}

fn month_text(month: i64, width: usize) -> &'static str {
    let name = MONTHS[usize::try_from(month - 1).unwrap_or(0) % 12];
    match width {
        3 => &name[..3],
        5 => &name[..1],
        _ => name,
    }
}

fn day_text(weekday: i64, width: usize) -> &'static str {
    let name = DAYS[usize::try_from(weekday - 1).unwrap_or(0) % 7];
    match width {
        1..=3 => &name[..3],
        5 => &name[..1],
        _ => name,
    }
}

fn half_of_day(at: Instant) -> &'static str {
    if at.second_of_day() < 43_200 { "AM" } else { "PM" }
}

fn modern_field(letter: char, width: usize, at: Instant, out: &mut String) -> Result<()> {
    let days = at.days();
    let (year, month, day) = civil(days);
    match letter {
        'y' | 'u' if width == 2 => padded(year.rem_euclid(100), 2, out),
        'y' | 'u' => padded(year, width, out),
        'Y' if width == 2 => padded(us_week(days).0.rem_euclid(100), 2, out),
        'Y' => padded(us_week(days).0, width, out),
        'M' | 'L' if width <= 2 => padded(month, width, out),
        'M' | 'L' => out.push_str(month_text(month, width)),
        'Q' | 'q' => quarter((month + 2) / 3, width, out),
        'E' => out.push_str(day_text(iso_weekday(days), width)),
        'e' if width <= 2 => padded(sunday_weekday(days), width, out),
        'e' => out.push_str(day_text(iso_weekday(days), width)),
        'F' => padded((day - 1) % 7 + 1, 1, out),
        'a' => out.push_str(half_of_day(at)),
        'S' => out.push_str(&format!("{:09}", at.nanos)[..width]),
        'A' => padded(at.second_of_day() * 1000 + i64::from(at.nanos / 1_000_000), width, out),
        'n' => padded(i64::from(at.nanos), width, out),
        'N' => padded(at.second_of_day() * 1_000_000_000 + i64::from(at.nanos), width, out),
        'G' => out.push_str(match width {
            4 => "Anno Domini",
            5 => "A",
            _ => "AD",
        }),
        _ => match number_of(letter, at) {
            Some(number) => padded(number, width, out),
            None => return Err(refused(format!("a timestamp has no '{letter}': it has no zone"))),
        },
    }
    Ok(())
}

fn quarter(quarter: i64, width: usize, out: &mut String) {
    let ordinal = ["1st", "2nd", "3rd", "4th"][usize::try_from(quarter - 1).unwrap_or(0) % 4];
    match width {
        1 | 2 => padded(quarter, width, out),
        3 => out.push_str(&format!("Q{quarter}")),
        4 => out.push_str(&format!("{ordinal} quarter")),
        _ => padded(quarter, 1, out),
    }
}

fn simple_field(
    letter: char,
    width: usize,
    at: Instant,
    (offset, zone): (i64, &str),
    out: &mut String,
) -> Result<()> {
    let days = at.days();
    let (year, month, day) = civil(days);
    match letter {
        'y' if width == 2 => padded(year.rem_euclid(100), 2, out),
        'y' => padded(year, width, out),
        'Y' if width == 2 => padded(us_week(days).0.rem_euclid(100), 2, out),
        'Y' => padded(us_week(days).0, width, out),
        'M' | 'L' if width <= 2 => padded(month, width, out),
        'M' | 'L' => out.push_str(month_text(month, if width == 3 { 3 } else { 4 })),
        'E' => out.push_str(day_text(iso_weekday(days), if width >= 4 { 4 } else { 3 })),
        'u' => padded(iso_weekday(days), width, out),
        'F' => padded((day - 1) / 7 + 1, width, out),
        'a' => out.push_str(half_of_day(at)),
        'S' => padded(i64::from(at.nanos / 1_000_000), width, out),
        'G' => out.push_str("AD"),
        'z' => out.push_str(zone),
        'Z' => out.push_str(&offset_text(offset, false, true)),
        'X' if offset == 0 => out.push('Z'),
        'X' => out.push_str(&offset_text(offset, width >= 3, width >= 2)),
        _ => match number_of(letter, at) {
            Some(number) => padded(number, width, out),
            None => return Err(refused(format!("unknown letter '{letter}'"))),
        },
    }
    Ok(())
}

fn offset_text(seconds: i64, has_colon: bool, has_minutes: bool) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let colon = if has_colon { ":" } else { "" };
    match has_minutes {
        true => format!("{sign}{hours:02}{colon}{minutes:02}"),
        false => format!("{sign}{hours:02}"),
    }
}
