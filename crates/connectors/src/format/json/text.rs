//! JSON as text: strings as Jackson writes them, and objects and arrays copied in compact form.

use super::super::keys::last_of_equal_keys;
use super::super::number::{parse_double, write_display, write_double, write_number_stripped};
use super::super::problem::{Outcome, Problem};
use super::cursor::{Cursor, MAX_DEPTH, unescape};

/// Appends a string in quotes. Only what must be is escaped.
pub(in super::super) fn write_string(out: &mut Vec<u8>, value: &[u8]) {
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

/// What fractions in copied JSON become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fractions {
    /// Doubles: 1.50 is printed as 1.5, 1e10 as 1.0E10.
    Doubles,
    /// Decimals without trailing zeros, as in Flink where the table has a DECIMAL.
    Decimals,
}

/// Appends the value at the cursor as `JsonNode.toString` prints it: without white space, of
/// equal names the last one's value in the first one's place.
pub(super) fn write_compact(
    cursor: &mut Cursor<'_>,
    fractions: Fractions,
    out: &mut Vec<u8>,
) -> Outcome<()> {
    Copier { cursor, fractions, out }.value(0)
}

struct Copier<'a, 'b> {
    cursor: &'a mut Cursor<'b>,
    fractions: Fractions,
    out: &'a mut Vec<u8>,
}

impl Copier<'_, '_> {
    fn value(&mut self, depth: usize) -> Outcome<()> {
        if depth > MAX_DEPTH {
            return Err(Problem::syntax(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        match self.cursor.peek() {
            b'{' => self.object(depth),
            b'[' => {
                self.cursor.at += 1;
                self.out.push(b'[');
                let mut has_next = !self.cursor.is_empty(b']');
                while has_next {
                    self.value(depth + 1)?;
                    has_next = self.cursor.has_next(b']')?;
                    if has_next {
                        self.out.push(b',');
                    }
                }
                self.out.push(b']');
                Ok(())
            }
            b'"' => {
                let text = self.string()?;
                write_string(self.out, &text);
                Ok(())
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let start = self.cursor.at;
                self.cursor.skip_value()?;
                self.out.extend_from_slice(self.cursor.slice(start, self.cursor.at));
                Ok(())
            }
        }
    }

    fn object(&mut self, depth: usize) -> Outcome<()> {
        self.cursor.at += 1;
        self.out.push(b'{');
        let body = self.out.len();
        // Name; start of the name and end of the value.
        let mut members: Vec<(Vec<u8>, (usize, usize))> = Vec::new();
        let mut has_next = !self.cursor.is_empty(b'}');
        while has_next {
            let name = self.string()?;
            let start = self.out.len();
            write_string(self.out, &name);
            self.cursor.colon()?;
            self.out.push(b':');
            self.value(depth + 1)?;
            members.push((name, (start, self.out.len())));
            has_next = self.cursor.has_next(b'}')?;
            if has_next {
                self.out.push(b',');
            }
        }
        drop_overwritten(self.out, body, members);
        self.out.push(b'}');
        Ok(())
    }

    fn string(&mut self) -> Outcome<Vec<u8>> {
        let token = self.cursor.string()?;
        let mut text = Vec::new();
        unescape(self.cursor.slice(token.start, token.end), &mut text);
        Ok(text)
    }

    fn number(&mut self) -> Outcome<()> {
        let token = self.cursor.number()?;
        let text = self.cursor.slice(token.start, token.end);
        match token.is_float {
            false => self.out.extend_from_slice(if text == b"-0" { b"0" } else { text }),
            true if self.fractions == Fractions::Decimals => write_number_stripped(self.out, text),
            true => match parse_double(text) {
                Some(value) if value.is_finite() => write_double(self.out, value),
                Some(value) if value > 0.0 => self.out.extend_from_slice(b"\"Infinity\""),
                _ => self.out.extend_from_slice(b"\"-Infinity\""),
            },
        }
        Ok(())
    }
}

/// Writes the members again where some have equal names.
fn drop_overwritten(out: &mut Vec<u8>, body: usize, members: Vec<(Vec<u8>, (usize, usize))>) {
    let n_members = members.len();
    let kept = last_of_equal_keys(members);
    if kept.len() == n_members {
        return;
    }
    let all = out.split_off(body);
    for (i, (_, (start, end))) in kept.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&all[start - body..end - body]);
    }
}
