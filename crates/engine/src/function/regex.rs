//! Regular expressions in the dialect of java.util.regex.

use std::sync::{Arc, Mutex, PoisonError};

use argus_base::{Error, Result};
use argus_plan::ScalarFunction as F;
use arrow_array::ArrayRef;
use arrow_array::builder::{ListBuilder, StringViewBuilder};
use arrow_array::types::Int32Type;
use arrow_schema::{DataType, Field};
use fancy_regex::{Captures, Regex};

use super::string::n_characters;
use super::{Binding, Call, Kernel, refused};

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    let patterns = Patterns::new(binding.literal_text(1));
    Ok(Some(match binding.function {
        F::Regexp => Box::new(move |call| regexp(call, &patterns)),
        F::RegexpReplace => Box::new(move |call| replace(call, &patterns)),
        F::RegexpExtract => Box::new(move |call| extract(call, &patterns)),
        F::RegexpExtractAll => Box::new(move |call| extract_all(call, &patterns)),
        F::RegexpCount => Box::new(move |call| {
            numbers(call, &patterns, |pattern, text| {
                let mut count = 0;
                pattern.each(text, |_| {
                    count += 1;
                    Ok(())
                })?;
                Ok(count)
            })
        }),
        F::RegexpInstr => Box::new(move |call| {
            numbers(call, &patterns, |pattern, text| {
                let found = pattern.first(text)?;
                Ok(found.map_or(0, |groups| utf16_position(text, start(&groups))))
            })
        }),
        F::RegexpSubstr => Box::new(move |call| substr(call, &patterns)),
        _ => return Ok(None),
    }))
}

/// Compiled patterns: that of a literal, or the last that was asked for.
pub(super) struct Patterns {
    literal: Option<Option<Arc<Pattern>>>,
    last: Mutex<Option<(String, Option<Arc<Pattern>>)>>,
}

impl Patterns {
    /// Of the literal that every row has, where it is one.
    pub(super) fn new(literal: Option<&str>) -> Patterns {
        let literal = literal.map(|text| Pattern::new(text).map(Arc::new));
        Patterns { literal, last: Mutex::new(None) }
    }

    /// The pattern of that text; an error where it is none.
    pub(super) fn get(&self, text: &str) -> Result<Arc<Pattern>> {
        let pattern = self.find(text);
        pattern.ok_or_else(|| refused(format!("'{text}' is no regular expression")))
    }

    /// The pattern of that text, where it is one.
    fn find(&self, text: &str) -> Option<Arc<Pattern>> {
        if let Some(literal) = &self.literal {
            return literal.clone();
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, pattern)) = &*last
            && known == text
        {
            return pattern.clone();
        }
        let pattern = Pattern::new(text).map(Arc::new);
        *last = Some((text.to_owned(), pattern.clone()));
        pattern
    }
}

/// A compiled regular expression.
pub(super) struct Pattern {
    regex: Regex,
    /// The same with Java's `$`, which also matches before a final line feed; for texts with one.
    before_line_feed: Option<Regex>,
}

impl Pattern {
    fn new(java: &str) -> Option<Pattern> {
        let regex = Regex::new(&translate(java, "$")).ok()?;
        let has_end = java.contains('$');
        let before_line_feed = match has_end {
            true => Some(Regex::new(&translate(java, r"(?=\n?\z)")).ok()?),
            false => None,
        };
        Some(Pattern { regex, before_line_feed })
    }

    fn regex(&self, text: &str) -> &Regex {
        match &self.before_line_feed {
            Some(regex) if text.ends_with('\n') => regex,
            _ => &self.regex,
        }
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool> {
        self.regex(text).is_match(text).map_err(too_hard)
    }

    fn first<'t>(&self, text: &'t str) -> Result<Option<Captures<'t, str>>> {
        self.regex(text).captures(text).map_err(too_hard)
    }

    fn n_groups(&self) -> usize {
        self.regex.captures_len()
    }

    /// Calls `f` with every match in order.
    fn each<'t>(
        &self,
        text: &'t str,
        mut f: impl FnMut(&Captures<'t, str>) -> Result<()>,
    ) -> Result<()> {
        for groups in self.regex(text).captures_iter(text) {
            f(&groups.map_err(too_hard)?)?;
        }
        Ok(())
    }

    /// At most `limit` parts between matches; an empty match at the beginning separates nothing.
    pub(super) fn split<'t>(&self, text: &'t str, limit: usize) -> Result<Vec<&'t str>> {
        let mut parts = Vec::new();
        let mut from = 0;
        self.each(text, |groups| {
            let (start, end) = groups.get(0).map_or((0, 0), |whole| (whole.start(), whole.end()));
            if parts.len() + 1 < limit && end > 0 {
                parts.push(&text[from..start]);
                from = end;
            }
            Ok(())
        })?;
        parts.push(&text[from..]);
        Ok(parts)
    }
}

fn too_hard(error: fancy_regex::Error) -> Error {
    refused(format!("a regular expression takes too long: {error}"))
}

fn start(groups: &Captures<'_, str>) -> usize {
    groups.get(0).map_or(0, |whole| whole.start())
}

/// Position in UTF-16 units, from 1.
fn utf16_position(text: &str, byte: usize) -> i32 {
    let before = &text[..byte];
    let n =
        if before.is_ascii() { n_characters(before) } else { before.encode_utf16().count() as i32 };
    n + 1
}

/// An empty pattern and a bad one match nothing.
fn regexp(call: &Call<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (text, pattern) = (call.text_of(0), call.text_of(1));
    call.try_booleans(|row| match pattern(row) {
        "" => Ok(Some(false)),
        java => match patterns.find(java) {
            Some(pattern) => pattern.is_match(text(row)).map(Some),
            None => Ok(Some(false)),
        },
    })
}

fn replace(call: &Call<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (text, pattern, replacement) = (call.text_of(0), call.text_of(1), call.text_of(2));
    call.texts(|row, out| {
        let Some(pattern) = patterns.find(pattern(row)) else { return Ok(false) };
        let text = text(row);
        let mut from = 0;
        pattern.each(text, |groups| {
            let (start, end) = groups.get(0).map_or((0, 0), |whole| (whole.start(), whole.end()));
            out.push_str(&text[from..start]);
            out.push_str(replacement(row));
            from = end;
            Ok(())
        })?;
        out.push_str(&text[from..]);
        Ok(true)
    })
}

fn extract(call: &Call<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (text, pattern) = (call.text_of(0), call.text_of(1));
    let group = (call.arguments.len() == 3).then(|| call.number_of::<Int32Type>(2));
    call.texts(|row, out| {
        let group = group.as_ref().map_or(0, |group| group(row));
        let (Some(pattern), Ok(group)) = (patterns.find(pattern(row)), usize::try_from(group))
        else {
            return Ok(false);
        };
        let groups = pattern.first(text(row))?;
        let found = groups.as_ref().and_then(|groups| groups.get(group));
        out.push_str(found.map_or("", |found| found.as_str()));
        Ok(found.is_some())
    })
}

fn extract_all(call: &Call<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (text, pattern) = (call.text_of(0), call.text_of(1));
    let group = (call.arguments.len() == 3).then(|| call.number_of::<Int32Type>(2));
    let field = Field::new("element", DataType::Utf8View, true);
    let mut builder = ListBuilder::new(StringViewBuilder::new()).with_field(field);
    for row in 0..call.n_rows {
        let group =
            group.as_ref().map_or(1, |group| if call.has_result(row) { group(row) } else { 0 });
        let group = usize::try_from(group).ok();
        let pattern = if call.has_result(row) { patterns.find(pattern(row)) } else { None };
        let usable = pattern.zip(group).filter(|(pattern, group)| *group < pattern.n_groups());
        if let Some((pattern, group)) = &usable {
            pattern.each(text(row), |groups| {
                builder.values().append_option(groups.get(*group).map(|found| found.as_str()));
                Ok(())
            })?;
        }
        builder.append(usable.is_some());
    }
    Ok(Arc::new(builder.finish()))
}

fn substr(call: &Call<'_>, patterns: &Patterns) -> Result<ArrayRef> {
    let (text, pattern) = (call.text_of(0), call.text_of(1));
    call.texts(|row, out| {
        let Some(pattern) = patterns.find(pattern(row)) else { return Ok(false) };
        let groups = pattern.first(text(row))?;
        let found = groups.as_ref().and_then(|groups| groups.get(0));
        out.push_str(found.map_or("", |found| found.as_str()));
        Ok(found.is_some())
    })
}

/// NULL for a bad pattern.
fn numbers(
    call: &Call<'_>,
    patterns: &Patterns,
    f: impl Fn(&Pattern, &str) -> Result<i32>,
) -> Result<ArrayRef> {
    let (text, pattern) = (call.text_of(0), call.text_of(1));
    let array = call.try_numbers::<Int32Type>(|row| match patterns.find(pattern(row)) {
        Some(pattern) => f(&pattern, text(row)).map(Some),
        None => Ok(None),
    })?;
    Ok(Arc::new(array))
}

/// Java's pattern in the notation of the regex engine: classes mean ASCII, `.` stops at every line
/// terminator, and `$` is `end`.
fn translate(java: &str, end: &str) -> String {
    let dot_is_all = java.contains("(?s") || java.contains("(?ms") || java.contains("(?is");
    let is_multiline = java.contains("(?m");
    let mut out = String::with_capacity(java.len() + 16);
    let mut characters = java.chars().peekable();
    let mut class_depth = 0_usize;
    while let Some(c) = characters.next() {
        match c {
            '\\' => escape(&mut characters, class_depth > 0, &mut out),
            '[' => {
                class_depth += 1;
                out.push('[');
            }
            ']' if class_depth > 0 => {
                class_depth -= 1;
                out.push(']');
            }
            '.' if class_depth == 0 && !dot_is_all => {
                out.push_str(r"[^\n\r\u{85}\u{2028}\u{2029}]");
            }
            '$' if class_depth == 0 && !is_multiline => out.push_str(end),
            _ => out.push(c),
        }
    }
    out
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn escape(characters: &mut Characters<'_>, in_class: bool, out: &mut String) {
    let Some(c) = characters.next() else {
        out.push('\\');
        return;
    };
    let ascii = match c {
        'd' => "0-9",
        'w' => "a-zA-Z0-9_",
        's' => r" \t\n\x0B\f\r",
        'h' => r" \t\u{A0}\u{1680}\u{180e}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}",
        'D' => "^0-9",
        'W' => "^a-zA-Z0-9_",
        'S' => r"^ \t\n\x0B\f\r",
        'Q' => return quoted(characters, out),
        'p' | 'P' => return property(c, characters, out),
        'Z' => {
            out.push_str(r"(?=\n?\z)");
            return;
        }
        _ => {
            out.push('\\');
            out.push(c);
            return;
        }
    };
    let needs_brackets = !in_class || ascii.starts_with('^');
    if needs_brackets {
        out.push('[');
        out.push_str(ascii);
        out.push(']');
    } else {
        out.push_str(ascii);
    }
}

/// `\Q…\E`: everything in between stands for itself.
fn quoted(characters: &mut Characters<'_>, out: &mut String) {
    while let Some(c) = characters.next() {
        if c == '\\' && characters.peek() == Some(&'E') {
            characters.next();
            return;
        }
        let mut buffer = [0; 4];
        out.push_str(&fancy_regex::escape(c.encode_utf8(&mut buffer)));
    }
}

/// `\p{Alpha}` and its like are ASCII classes in Java; others are Unicode properties in both.
fn property(sign: char, characters: &mut Characters<'_>, out: &mut String) {
    let mut name = String::new();
    if characters.peek() == Some(&'{') {
        characters.next();
        name.extend(characters.by_ref().take_while(|c| *c != '}'));
    } else {
        name.extend(characters.next());
    }
    let posix = match name.as_str() {
        "Lower" => "lower",
        "Upper" => "upper",
        "ASCII" => "ascii",
        "Alpha" => "alpha",
        "Digit" => "digit",
        "Alnum" => "alnum",
        "Punct" => "punct",
        "Graph" => "graph",
        "Print" => "print",
        "Blank" => "blank",
        "Cntrl" => "cntrl",
        "XDigit" => "xdigit",
        "Space" => "space",
        _ => {
            let name = name.strip_prefix("Is").unwrap_or(&name);
            out.push_str(&format!("\\{sign}{{{name}}}"));
            return;
        }
    };
    let caret = if sign == 'P' { "^" } else { "" };
    out.push_str(&format!("[[:{caret}{posix}:]]"));
}
