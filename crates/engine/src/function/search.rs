//! Finding and splitting: POSITION, LOCATE, INSTR, SPLIT_INDEX, SPLIT, STR_TO_MAP.

use std::sync::Arc;

use argus_base::Result;
use argus_plan::ScalarFunction as F;
use arrow_array::ArrayRef;
use arrow_array::builder::{ListBuilder, MapBuilder, MapFieldNames, StringViewBuilder};
use arrow_array::types::Int32Type;
use arrow_schema::Field;

use super::regex::Patterns;
use super::string::{byte_of, n_characters};
use super::{Binding, Call, Kernel, refused};

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    Ok(Some(match binding.function {
        F::Position | F::Locate => Box::new(locate),
        F::Instr => Box::new(instr),
        F::SplitIndex if binding.type_of(1).root.is_integer() => Box::new(split_index_code),
        F::SplitIndex => Box::new(|call| {
            let (text, delimiter) = (call.text_of(0), call.text_of(1));
            let index = call.number_of::<Int32Type>(2);
            Ok(call.parts(|row| split_index(text(row), delimiter(row), index(row))))
        }),
        F::Split => Box::new(split),
        F::StrToMap => str_to_map(binding),
        _ => return Ok(None),
    }))
}

/// Position of `needle` at or after the code point `from`, counted from 1; 0 where absent.
fn find(text: &str, needle: &str, from: i32) -> i32 {
    if needle.is_empty() {
        return 1;
    }
    let skipped = byte_of(text, from - 1);
    match memchr::memmem::find(&text.as_bytes()[skipped..], needle.as_bytes()) {
        Some(at) => n_characters(&text[..skipped + at]) + 1,
        None => 0,
    }
}

fn locate(call: &Call<'_>) -> Result<ArrayRef> {
    let (needle, text) = (call.text_of(0), call.text_of(1));
    let from = (call.arguments.len() == 3).then(|| call.number_of::<Int32Type>(2));
    Ok(call.numbers::<Int32Type>(|row| {
        let from = from.as_ref().map_or(1, |from| from(row).max(1));
        find(text(row), needle(row), from)
    }))
}

fn instr(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, needle) = (call.text_of(0), call.text_of(1));
    let optional = |i: usize| (call.arguments.len() > i).then(|| call.number_of::<Int32Type>(i));
    let (start, occurrence) = (optional(2), optional(3));
    let array = call.try_numbers::<Int32Type>(|row| {
        let start = start.as_ref().map_or(1, |start| start(row));
        let occurrence = occurrence.as_ref().map_or(1, |occurrence| occurrence(row));
        if occurrence <= 0 {
            return Err(refused(format!("the occurrence must be positive, but is {occurrence}")));
        }
        let (text, needle) = (text(row), needle(row));
        if start >= 0 {
            return Ok(Some(occurrence_from(text, needle, start, occurrence)));
        }
        let reversed = |text: &str| text.chars().rev().collect::<String>();
        let (backward, reversed_needle) = (reversed(text), reversed(needle));
        let at = occurrence_from(&backward, &reversed_needle, start.saturating_neg(), occurrence);
        Ok(Some(match at {
            0 => 0,
            _ => n_characters(text) + 2 - at - n_characters(needle),
        }))
    })?;
    Ok(Arc::new(array))
}

fn occurrence_from(text: &str, needle: &str, start: i32, occurrence: i32) -> i32 {
    if start == 0 {
        return 0;
    }
    let (mut from, mut at) = (start, 0);
    for _ in 0..occurrence {
        at = find(text, needle, from);
        if at == 0 {
            return 0;
        }
        from = at + 1;
    }
    at
}

/// No delimiter means white space; an empty text has no parts.
fn split_index<'a>(text: &'a str, delimiter: &str, index: i32) -> Option<&'a str> {
    let index = usize::try_from(index).ok()?;
    if text.is_empty() {
        return None;
    }
    match delimiter.is_empty() {
        true => text.split(char::is_whitespace).nth(index),
        false => text.split(delimiter).nth(index),
    }
}

fn split_index_code(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, code) = (call.text_of(0), call.number_of::<Int32Type>(1));
    let index = call.number_of::<Int32Type>(2);
    Ok(call.parts(|row| {
        let code = u8::try_from(code(row)).ok().filter(|code| *code > 0)?;
        let mut buffer = [0; 4];
        split_index(text(row), char::from(code).encode_utf8(&mut buffer), index(row))
    }))
}

/// No delimiter means every character; an empty text has no parts.
fn split(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, delimiter) = (call.text_of(0), call.text_of(1));
    let field = Field::new("element", arrow_schema::DataType::Utf8View, true);
    let mut builder = ListBuilder::new(StringViewBuilder::new()).with_field(field);
    for row in 0..call.n_rows {
        if !call.has_result(row) {
            builder.append(false);
            continue;
        }
        let (text, delimiter) = (text(row), delimiter(row));
        if delimiter.is_empty() {
            let mut buffer = [0; 4];
            text.chars().for_each(|c| builder.values().append_value(c.encode_utf8(&mut buffer)));
        } else if !text.is_empty() {
            text.split(delimiter).for_each(|part| builder.values().append_value(part));
        }
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}

/// Parts are split as `String.split` does: trailing empty ones are dropped. The last of equal keys
/// stays.
fn str_to_map(binding: &Binding<'_>) -> Kernel {
    let has_delimiters = binding.arguments.len() == 3;
    let literal = |argument, default| match has_delimiters {
        true => binding.literal_text(argument),
        false => Some(default),
    };
    let lists = Patterns::new(literal(1, ","));
    let keys = Patterns::new(literal(2, "="));
    Box::new(move |call| {
        let text = call.text_of(0);
        let delimiters = has_delimiters.then(|| (call.text_of(1), call.text_of(2)));
        let names = MapFieldNames {
            entry: "entries".to_owned(),
            key: "key".to_owned(),
            value: "value".to_owned(),
        };
        let (key_builder, value_builder) = (StringViewBuilder::new(), StringViewBuilder::new());
        let mut builder = MapBuilder::new(Some(names), key_builder, value_builder);
        for row in 0..call.n_rows {
            if !call.has_result(row) {
                builder.append(false)?;
                continue;
            }
            let (list, key) = delimiters.as_ref().map_or((",", "="), |(l, k)| (l(row), k(row)));
            let (list, key) = (lists.get(list)?, keys.get(key)?);
            for (key, value) in entries(text(row), &list, &key)? {
                builder.keys().append_value(key);
                builder.values().append_option(value);
            }
            builder.append(true)?;
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    })
}

type Entry<'a> = (&'a str, Option<&'a str>);

fn entries<'a>(
    text: &'a str,
    list: &super::regex::Pattern,
    key: &super::regex::Pattern,
) -> Result<Vec<Entry<'a>>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    if text.is_empty() {
        return Ok(entries);
    }
    let mut parts = list.split(text, usize::MAX)?;
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    for part in parts {
        let pair = key.split(part, 2)?;
        let entry = (pair[0], pair.get(1).copied());
        match entries.iter_mut().find(|(known, _)| *known == entry.0) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
    Ok(entries)
}
