//! String functions. Positions and lengths are in code points, the first is 1; padding and
//! overlaying count UTF-16 units, as Flink does.

use std::sync::Arc;

use argus_base::Result;
use argus_plan::ScalarFunction as F;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, BinaryViewArray};

use super::{Binding, Call, Kernel, refused};
use crate::expression::parse_float;

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    Ok(Some(match binding.function {
        F::ConcatOperator | F::Concat => Box::new(concat),
        F::ConcatWs => Box::new(concat_ws),
        F::Upper => written(upper),
        F::Lower => written(lower),
        F::CharLength => Box::new(|call| {
            let text = call.text_of(0);
            Ok(call.numbers::<Int32Type>(|row| n_characters(text(row))))
        }),
        F::Substring => Box::new(substring),
        F::Trim | F::Ltrim | F::Rtrim | F::Btrim => trim(binding),
        F::Repeat => Box::new(|call| {
            let (text, times) = (call.text_of(0), call.number_of::<Int32Type>(1));
            call.texts(|row, out| {
                let times = usize::try_from(times(row)).unwrap_or(0);
                check_length("REPEAT", text(row).len().saturating_mul(times))?;
                out.extend(std::iter::repeat_n(text(row), times));
                Ok(true)
            })
        }),
        F::Replace => Box::new(replace),
        F::Overlay => Box::new(overlay),
        F::Lpad => Box::new(|call| pad(call, true)),
        F::Rpad => Box::new(|call| pad(call, false)),
        F::Left => Box::new(|call| side(call, |text, n| prefix(text, n))),
        F::Right => Box::new(|call| {
            side(call, |text, n| {
                let length = n_characters(text);
                &text[byte_of(text, length.saturating_sub(n).max(0))..]
            })
        }),
        F::Ascii => Box::new(|call| {
            let text = call.text_of(0);
            let first = |row| text(row).bytes().next().unwrap_or(0).cast_signed();
            Ok(call.numbers::<Int32Type>(|row| i32::from(first(row))))
        }),
        F::Chr => Box::new(chr),
        F::Initcap => written(initcap),
        F::Reverse => written(|text, out| out.extend(text.chars().rev())),
        F::Translate => Box::new(translate),
        F::Elt => elt(binding),
        F::StartsWith => Box::new(|call| affix(call, <[u8]>::starts_with)),
        F::EndsWith => Box::new(|call| affix(call, <[u8]>::ends_with)),
        F::IsAlpha | F::IsDecimal | F::IsDigit => is_class(binding),
        _ => return Ok(None),
    }))
}

fn written(f: fn(&str, &mut String)) -> Kernel {
    Box::new(move |call| {
        let text = call.text_of(0);
        call.texts(|row, out| {
            f(text(row), out);
            Ok(true)
        })
    })
}

/// Number of code points.
pub(super) fn n_characters(text: &str) -> i32 {
    let n = if text.is_ascii() { text.len() } else { text.chars().count() };
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Where in the text the code point at `index`, from 0, begins; its end where there is none.
pub(super) fn byte_of(text: &str, index: i32) -> usize {
    let index = usize::try_from(index).unwrap_or(0);
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

/// The first `n` code points; none where `n` is negative.
pub(super) fn prefix(text: &str, n: i32) -> &str {
    &text[..byte_of(text, n)]
}

fn concat(call: &Call<'_>) -> Result<ArrayRef> {
    let texts: Vec<_> = (0..call.arguments.len()).map(|i| call.text_of(i)).collect();
    call.texts(|row, out| {
        texts.iter().for_each(|text| out.push_str(text(row)));
        Ok(true)
    })
}

fn concat_ws(call: &Call<'_>) -> Result<ArrayRef> {
    let texts: Vec<_> = (0..call.arguments.len()).map(|i| call.text_of(i)).collect();
    call.texts(|row, out| {
        if !call.is_valid(0, row) {
            return Ok(false);
        }
        let mut is_first = true;
        for i in (1..texts.len()).filter(|i| call.is_valid(*i, row)) {
            if !is_first {
                out.push_str(texts[0](row));
            }
            is_first = false;
            out.push_str(texts[i](row));
        }
        Ok(true)
    })
}

fn upper(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_uppercase();
    } else {
        out.push_str(&text.to_uppercase());
    }
}

fn lower(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.push_str(&text.to_lowercase());
    }
}

fn substring(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, start) = (call.text_of(0), call.number_of::<Int32Type>(1));
    let length = (call.arguments.len() == 3).then(|| call.number_of::<Int32Type>(2));
    Ok(call.parts(|row| {
        let length = length.as_ref().map_or(i32::MAX, |length| length(row));
        (length >= 0).then(|| part(text(row), start(row), length))
    }))
}

/// A negative start counts from the end; nothing where it lies before the beginning.
fn part(text: &str, start: i32, length: i32) -> &str {
    let from = match start {
        0 => 0,
        _ if start > 0 => start - 1,
        _ => {
            let n = n_characters(text);
            if start.unsigned_abs() > n.unsigned_abs() {
                return "";
            }
            n + start
        }
    };
    prefix(&text[byte_of(text, from)..], length)
}

/// The sides on which TRIM, LTRIM, RTRIM and BTRIM cut. TRIM's arguments are the side, the
/// characters, the text; those of the others are the text and perhaps the characters.
fn trim(binding: &Binding<'_>) -> Kernel {
    let (leading, trailing) = match binding.function {
        F::Ltrim => (true, false),
        F::Rtrim => (false, true),
        F::Trim => match binding.literal_text(0) {
            Some("LEADING") => (true, false),
            Some("TRAILING") => (false, true),
            _ => (true, true),
        },
        _ => (true, true),
    };
    let is_trim = binding.function == F::Trim;
    let has_characters = is_trim || binding.arguments.len() == 2;
    Box::new(move |call| {
        let text = call.text_of(if is_trim { 2 } else { 0 });
        let characters = has_characters.then(|| call.text_of(1));
        Ok(call.parts(|row| {
            let characters = characters.as_ref().map_or(" ", |characters| characters(row));
            let is_cut = |c: char| characters.contains(c);
            let text = text(row);
            let text = if leading { text.trim_start_matches(is_cut) } else { text };
            Some(if trailing { text.trim_end_matches(is_cut) } else { text })
        }))
    })
}

fn replace(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, old, new) = (call.text_of(0), call.text_of(1), call.text_of(2));
    call.texts(|row, out| {
        let (text, old) = (text(row), old(row));
        if old.is_empty() {
            out.push_str(&text.replace(old, new(row)));
            return Ok(true);
        }
        let mut parts = text.split(old);
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            out.push_str(new(row));
            out.push_str(part);
        }
        Ok(true)
    })
}

fn overlay(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, new) = (call.text_of(0), call.text_of(1));
    let start = call.number_of::<Int32Type>(2);
    let length = (call.arguments.len() == 4).then(|| call.number_of::<Int32Type>(3));
    call.texts(|row, out| {
        let (units, new) = (utf16(text(row)), utf16(new(row)));
        let n_new = i64::try_from(new.len()).unwrap_or(i64::MAX);
        let length = length.as_ref().map_or(n_new, |length| i64::from(length(row)));
        let start = usize::try_from(start(row)).unwrap_or(0);
        if start == 0 || start > units.len() {
            out.push_str(text(row));
            return Ok(true);
        }
        let mut result = units[..start - 1].to_vec();
        result.extend_from_slice(&new);
        let end = usize::try_from(length).unwrap_or(0).saturating_add(start - 1);
        if length > 0 && end < units.len() {
            result.extend_from_slice(&units[end..]);
        }
        push_utf16(out, &result);
        Ok(true)
    })
}

fn pad(call: &Call<'_>, is_left: bool) -> Result<ArrayRef> {
    let (text, length, padding) =
        (call.text_of(0), call.number_of::<Int32Type>(1), call.text_of(2));
    call.texts(|row, out| {
        let (text, padding) = (text(row), padding(row));
        let Ok(length) = usize::try_from(length(row)) else { return Ok(false) };
        if padding.is_empty() {
            return Ok(false);
        }
        check_length(if is_left { "LPAD" } else { "RPAD" }, length)?;
        let (text, padding) = (utf16(text), utf16(padding));
        let n_padding = length.saturating_sub(text.len());
        let padding = padding.iter().cycle().take(n_padding).copied();
        let kept = text.iter().take(length).copied();
        let units: Vec<u16> =
            if is_left { padding.chain(kept).collect() } else { kept.chain(padding).collect() };
        push_utf16(out, &units);
        Ok(true)
    })
}

/// Longest text that a function may make of short ones, in bytes: as long as the longest message.
const MAX_MADE_BYTES: usize = 64 << 20;

fn check_length(function: &str, n_bytes: usize) -> Result<()> {
    if n_bytes <= MAX_MADE_BYTES {
        return Ok(());
    }
    let message =
        format!("{function} would make a text of {n_bytes} bytes; the most is {MAX_MADE_BYTES}");
    Err(refused(message))
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Half a pair becomes a question mark, as when Java writes it as UTF-8.
fn push_utf16(out: &mut String, units: &[u16]) {
    out.extend(char::decode_utf16(units.iter().copied()).map(|c| c.unwrap_or('?')));
}

fn side(call: &Call<'_>, f: fn(&str, i32) -> &str) -> Result<ArrayRef> {
    let (text, n) = (call.text_of(0), call.number_of::<Int32Type>(1));
    Ok(call.parts(|row| Some(if n(row) <= 0 { "" } else { f(text(row), n(row)) })))
}

fn chr(call: &Call<'_>) -> Result<ArrayRef> {
    let number = call.number_of::<Int64Type>(0);
    call.texts(|row, out| {
        if let Ok(code) = u64::try_from(number(row)) {
            out.push(char::from((code & 0xFF) as u8));
        }
        Ok(true)
    })
}

/// Words are runs of ASCII letters and digits; other characters stay and separate words.
fn initcap(text: &str, out: &mut String) {
    let mut in_word = false;
    for c in text.chars() {
        out.push(if in_word { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() });
        in_word = c.is_ascii_alphanumeric();
    }
}

/// NULL for the characters means none.
fn translate(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, from, to) = (call.text_of(0), call.text_of(1), call.text_of(2));
    call.texts(|row, out| {
        if !call.is_valid(0, row) {
            return Ok(false);
        }
        let from = if call.is_valid(1, row) { from(row) } else { "" };
        let to = if call.is_valid(2, row) { to(row) } else { "" };
        for c in text(row).chars() {
            match from.chars().position(|old| old == c) {
                None => out.push(c),
                Some(index) => out.extend(to.chars().nth(index)),
            }
        }
        Ok(true)
    })
}

fn elt(binding: &Binding<'_>) -> Kernel {
    let is_text = binding.result.root.is_character();
    Box::new(move |call| {
        let index = call.number_of::<Int32Type>(0);
        let chosen = move |row: usize| {
            let index = usize::try_from(index(row)).ok().filter(|_| call.is_valid(0, row))?;
            let exists = (1..call.arguments.len()).contains(&index);
            (exists && call.is_valid(index, row)).then_some(index)
        };
        if is_text {
            return Ok(call.parts(|row| chosen(row).map(|index| call.text_of(index)(row))));
        }
        let mut builder = arrow_array::builder::BinaryViewBuilder::with_capacity(call.n_rows);
        for row in 0..call.n_rows {
            builder.append_option(chosen(row).map(|index| {
                let rows = call.rows::<BinaryViewArray>(index);
                rows.value(rows.at(row))
            }));
        }
        Ok(Arc::new(builder.finish()))
    })
}

fn affix(call: &Call<'_>, has: fn(&[u8], &[u8]) -> bool) -> Result<ArrayRef> {
    let (text, part) = (call.bytes_of(0), call.bytes_of(1));
    Ok(call.booleans(|row| has(text(row), part(row))))
}

/// Numbers are DECIMAL and DIGIT but not ALPHA; NULL and empty text are nothing.
fn is_class(binding: &Binding<'_>) -> Kernel {
    let function = binding.function;
    let is_number = binding.type_of(0).root.is_numeric();
    Box::new(move |call| {
        if is_number {
            return Ok(call.booleans(|row| function != F::IsAlpha && call.is_valid(0, row)));
        }
        let text = call.text_of(0);
        let all = |text: &str, is: fn(char) -> bool| !text.is_empty() && text.chars().all(is);
        Ok(call.booleans(|row| {
            call.is_valid(0, row)
                && match function {
                    F::IsAlpha => all(text(row), char::is_alphabetic),
                    F::IsDigit => all(text(row), is_decimal_digit),
                    _ => parse_float::<f64>(text(row)).is_some(),
                }
        }))
    })
}

/// A decimal digit of any script: such characters come in runs of ten, `char::is_numeric` has
/// fractions and letters as well.
fn is_decimal_digit(c: char) -> bool {
    const ZEROS: &[u32] = &[
        0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66,
        0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946,
        0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0,
        0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    ];
    let code = u32::from(c);
    ZEROS.iter().any(|zero| (*zero..*zero + 10).contains(&code))
}
