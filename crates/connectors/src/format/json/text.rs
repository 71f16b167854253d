//! JSON as text: strings as Jackson writes them, and objects and arrays copied in compact form.

use super::super::number::{parse_double, write_display, write_double};
use super::cursor::{Cursor, MAX_DEPTH, unescape};
use super::problem::{Outcome, Problem};

/// Appends a string in quotes. Only what must be is escaped.
pub(super) fn write_string(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..=31 | b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            quoted @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', quoted]),
            control => write_display(out, format_args!("\\u{control:04X}")),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends the value at the cursor as `JsonNode.toString` prints it: no white space, fractions
/// as doubles, of equal names the last one's value in the first one's place.
pub(super) fn write_compact(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Outcome<()> {
    write_nested(cursor, out, 0)
}

fn write_nested(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth: usize) -> Outcome<()> {
    if depth > MAX_DEPTH {
        return Err(Problem::syntax(format!("nested deeper than {MAX_DEPTH} levels")));
    }
    match cursor.peek() {
        b'{' => write_object(cursor, out, depth),
        b'[' => {
            cursor.at += 1;
            out.push(b'[');
            let mut has_next = !cursor.is_empty(b']');
            while has_next {
                write_nested(cursor, out, depth + 1)?;
                has_next = cursor.has_next(b']')?;
                if has_next {
                    out.push(b',');
                }
            }
            out.push(b']');
            Ok(())
        }
        b'"' => {
            let text = string(cursor)?;
            write_string(out, &text);
            Ok(())
        }
        b'-' | b'0'..=b'9' => write_number(cursor, out),
        _ => {
            let start = cursor.at;
            cursor.skip_value()?;
            out.extend_from_slice(cursor.slice(start, cursor.at));
            Ok(())
        }
    }
}

fn write_object(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth: usize) -> Outcome<()> {
    cursor.at += 1;
    out.push(b'{');
    let body = out.len();
    // Name, start of the name, end of the value.
    let mut members: Vec<(Vec<u8>, usize, usize)> = Vec::new();
    let mut has_next = !cursor.is_empty(b'}');
    while has_next {
        let name = string(cursor)?;
        let start = out.len();
        write_string(out, &name);
        cursor.colon()?;
        out.push(b':');
        write_nested(cursor, out, depth + 1)?;
        members.push((name, start, out.len()));
        has_next = cursor.has_next(b'}')?;
        if has_next {
            out.push(b',');
        }
    }
    drop_overwritten(out, body, &members);
    out.push(b'}');
    Ok(())
}

/// Writes the members again where some have equal names.
fn drop_overwritten(out: &mut Vec<u8>, body: usize, members: &[(Vec<u8>, usize, usize)]) {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|a, b| members[*a].0.cmp(&members[*b].0));
    if order.windows(2).all(|pair| members[pair[0]].0 != members[pair[1]].0) {
        return;
    }
    // Position of the first of a name, and of the last.
    let mut kept: Vec<(usize, usize)> = Vec::new();
    for index in order {
        match kept.last_mut() {
            Some((first, last)) if members[*first].0 == members[index].0 => *last = index,
            _ => kept.push((index, index)),
        }
    }
    kept.sort_unstable();
    let all = out.split_off(body);
    for (i, (_, last)) in kept.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let (_, start, end) = members[last];
        out.extend_from_slice(&all[start - body..end - body]);
    }
}

fn string(cursor: &mut Cursor<'_>) -> Outcome<Vec<u8>> {
    let token = cursor.string()?;
    let mut text = Vec::new();
    unescape(cursor.slice(token.start, token.end), &mut text);
    Ok(text)
}

fn write_number(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Outcome<()> {
    let token = cursor.number()?;
    let text = cursor.slice(token.start, token.end);
    if !token.is_float {
        out.extend_from_slice(if text == b"-0" { b"0" } else { text });
        return Ok(());
    }
    match parse_double(text) {
        Some(value) if value.is_finite() => write_double(out, value),
        Some(value) if value > 0.0 => out.extend_from_slice(b"\"Infinity\""),
        _ => out.extend_from_slice(b"\"-Infinity\""),
    }
    Ok(())
}
