//! Reads JSON tokens in place: strings, numbers, literals, and whole values to be skipped.
//!
//! What is JSON and what is not is decided as Jackson decides it with the settings Flink gives
//! it: control characters may stand in strings unescaped, comments and single quotes may not.
//! The caller has checked that the bytes are UTF-8.

use super::super::problem::{Outcome, Problem};

/// Deepest nesting of objects and arrays, which is Jackson's limit too.
pub(super) const MAX_DEPTH: usize = 1000;

/// Where reading stands in one message.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    /// All messages of the batch: reading a few bytes past a message's end is cheaper than
    /// taking care not to.
    pub data: &'a [u8],
    /// The next byte.
    pub at: usize,
    /// End of the message.
    pub end: usize,
}

/// A string token: `data[start..end]`, quotes not included.
#[derive(Clone, Copy)]
pub(super) struct StringToken {
    pub start: usize,
    pub end: usize,
    /// Whether a backslash stands in it.
    pub is_escaped: bool,
}

/// A number token: `data[start..end]`.
#[derive(Clone, Copy)]
pub(super) struct NumberToken {
    pub start: usize,
    pub end: usize,
    /// Whether it has a fraction or an exponent.
    pub is_float: bool,
}

impl<'a> Cursor<'a> {
    /// The next byte, or 0, which no token begins with, at the end.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        if self.at < self.end { self.data[self.at] } else { 0 }
    }

    /// Skips white space.
    #[inline(always)]
    pub fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Takes that byte; `what` says what it would have been.
    #[inline(always)]
    pub fn expect(&mut self, byte: u8, what: &str) -> Outcome<()> {
        if self.peek() != byte {
            return Err(self.unexpected(what));
        }
        self.at += 1;
        Ok(())
    }

    /// After a member: whether another one follows. `closing` ends the object or array.
    #[inline(always)]
    pub fn has_next(&mut self, closing: u8) -> Outcome<bool> {
        self.skip_blanks();
        let next = self.peek();
        if next != b',' && next != closing {
            return Err(self.unexpected("',' or the end of the object or array"));
        }
        self.at += 1;
        self.skip_blanks();
        Ok(next == b',')
    }

    /// After `{` or `[`: whether it is empty, in which case its end is taken.
    #[inline(always)]
    pub fn is_empty(&mut self, closing: u8) -> bool {
        self.skip_blanks();
        let is_empty = self.peek() == closing;
        self.at += usize::from(is_empty);
        is_empty
    }

    /// The bytes of a token.
    pub fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        &self.data[start..end]
    }

    /// A string, whose opening quote is next.
    #[inline]
    pub fn string(&mut self) -> Outcome<StringToken> {
        self.expect(b'"', "a string")?;
        self.string_rest()
    }

    /// A string after its opening quote.
    #[inline]
    pub fn string_rest(&mut self) -> Outcome<StringToken> {
        let start = self.at;
        let mut is_escaped = false;
        loop {
            let found = self.find_quote_or_backslash();
            if found >= self.end {
                return Err(Problem::syntax("unterminated string"));
            }
            self.at = found + 1;
            if self.data[found] == b'"' {
                return Ok(StringToken { start, end: found, is_escaped });
            }
            is_escaped = true;
            self.skip_escape()?;
        }
    }

    /// Position of the next quote or backslash; at or past `end` where there is none.
    #[inline]
    fn find_quote_or_backslash(&self) -> usize {
        let mut at = self.at;
        // Eight bytes at a time: a byte equal to the needle becomes 0, and the subtraction
        // borrows into the top bit of the first such byte.
        while let Some(eight) = self.data[at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*eight);
            let hits = zero_bytes(word ^ repeat(b'"')) | zero_bytes(word ^ repeat(b'\\'));
            if hits != 0 {
                return at + hits.trailing_zeros() as usize / 8;
            }
            at += 8;
            if at >= self.end {
                return at;
            }
        }
        while at < self.end && !matches!(self.data[at], b'"' | b'\\') {
            at += 1;
        }
        at
    }

    #[cold]
    fn skip_escape(&mut self) -> Outcome<()> {
        let kind = self.peek();
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let digits = self.data[..self.end].get(self.at..self.at + 4);
                self.at += 4;
                match digits {
                    Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(()),
                    _ => Err(Problem::syntax("expected four hexadecimal digits after \\u")),
                }
            }
            _ => Err(Problem::syntax("unknown escape in a string")),
        }
    }

    /// A number, whose first byte (a digit or `-`) is next.
    #[inline]
    pub fn number(&mut self) -> Outcome<NumberToken> {
        let start = self.at;
        let mut is_float = false;
        self.at += usize::from(self.peek() == b'-');
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            is_float = true;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            is_float = true;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits()?;
        }
        if matches!(self.peek(), b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'_') {
            self.at = start;
            return Err(self.unexpected("a number"));
        }
        Ok(NumberToken { start, end: self.at, is_float })
    }

    #[inline]
    fn digits(&mut self) -> Outcome<()> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    /// `true`, `false` or `null`.
    pub fn literal(&mut self, word: &str) -> Outcome<()> {
        let rest = &self.data[self.at.min(self.end)..self.end];
        let follows = rest.get(word.len()).copied().unwrap_or(b' ');
        if !rest.starts_with(word.as_bytes()) || follows.is_ascii_alphanumeric() {
            return Err(self.unexpected("a JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Skips one value.
    #[inline]
    pub fn skip_value(&mut self) -> Outcome<()> {
        match self.peek() {
            b'"' => self.string().map(|_| ()),
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            b'{' | b'[' => self.skip_container(),
            _ => self.skip_literal(),
        }
    }

    fn skip_literal(&mut self) -> Outcome<()> {
        match self.peek() {
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    /// Skips an object or array without recursion: one bit a level says which of the two.
    fn skip_container(&mut self) -> Outcome<()> {
        let mut is_object = [0u64; MAX_DEPTH.div_ceil(64)];
        let mut depth = 0;
        loop {
            // At a value.
            let opening = self.peek();
            let mut has_next = false;
            if opening == b'{' || opening == b'[' {
                if depth == MAX_DEPTH {
                    return Err(Problem::syntax(format!("nested deeper than {MAX_DEPTH} levels")));
                }
                let (word, bit) = (depth / 64, 1 << (depth % 64));
                is_object[word] &= !bit;
                is_object[word] |= if opening == b'{' { bit } else { 0 };
                depth += 1;
                self.at += 1;
                has_next = !self.is_empty(opening + 2);
                depth -= usize::from(!has_next);
            } else {
                self.skip_value()?;
            }
            // After a value: leave what it was the last of.
            while !has_next {
                if depth == 0 {
                    return Ok(());
                }
                let in_object = is_object[(depth - 1) / 64] >> ((depth - 1) % 64) & 1 == 1;
                has_next = self.has_next(if in_object { b'}' } else { b']' })?;
                depth -= usize::from(!has_next);
            }
            if is_object[(depth - 1) / 64] >> ((depth - 1) % 64) & 1 == 1 {
                self.string()?;
                self.colon()?;
            }
        }
    }

    /// The colon after a name, and the blanks around it.
    #[inline(always)]
    pub fn colon(&mut self) -> Outcome<()> {
        if self.peek() != b':' {
            self.skip_blanks();
        }
        self.expect(b':', "':'")?;
        self.skip_blanks();
        Ok(())
    }

    /// The value that is next, shortened, for a message.
    pub fn excerpt(&self) -> String {
        let mut rest = *self;
        let end = if rest.skip_value().is_ok() { rest.at } else { self.end };
        super::super::excerpt(&self.data[self.at.min(end)..end])
    }

    #[cold]
    #[inline(never)]
    fn unexpected(&self, expected: &str) -> Box<Problem> {
        if self.at >= self.end {
            return Problem::syntax(format!("expected {expected}, found the end of the message"));
        }
        let found = super::super::excerpt(&self.data[self.at..self.end]);
        Problem::syntax(format!("expected {expected}, found {found}"))
    }
}

#[inline(always)]
const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The top bit of the first zero byte; bits above it mean nothing.
#[inline(always)]
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(repeat(1)) & !word & repeat(0x80)
}

/// Appends the value of an escaped string. Half a surrogate pair becomes `?`, as it does where
/// Flink turns a Java string into bytes.
pub(super) fn unescape(escaped: &[u8], out: &mut Vec<u8>) {
    let mut rest = escaped;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let kind = rest.get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match kind {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => rest = unescape_unicode(rest, out),
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
}

/// Appends the character of `\u` and what follows; returns the rest.
fn unescape_unicode<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (first, mut rest) = four_digits(text);
    let mut code = first;
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = rest.strip_prefix(b"\\u")
        && let (low @ 0xdc00..0xe000, after) = four_digits(second)
    {
        code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
        rest = after;
    }
    let character = char::from_u32(code).unwrap_or('?');
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn four_digits(text: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = text.split_at(text.len().min(4));
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 16 + char::from(*digit).to_digit(16).unwrap_or(0));
    (value, rest)
}
