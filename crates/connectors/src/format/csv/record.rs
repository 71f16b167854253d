//! Splits one record into its fields.
//!
//! A field that begins with a quote goes on to the next quote that is not doubled; only blanks
//! may stand between that and the delimiter. Any other field goes on to the delimiter, and
//! quotes and blanks in it mean nothing. The escape character, where there is one, takes its
//! meaning from what follows: `0`, `n`, `r` and `t` are control characters, everything else is
//! itself.

use std::ops::Range;

use super::super::problem::{Outcome, Problem};
use super::Dialect;

/// Reads the fields of one record.
pub(super) struct Fields<'a> {
    /// All messages of the batch, so that positions are those of views.
    data: &'a [u8],
    at: usize,
    end: usize,
    marks: &'a Marks,
    /// Whether the record has ended.
    done: bool,
}

/// A dialect's characters as bytes.
pub(super) struct Marks {
    delimiter: Vec<u8>,
    quote: Vec<u8>,
    escape: Vec<u8>,
    allow_comments: bool,
    /// Bytes at which an unquoted field may end or change.
    is_special: [bool; 256],
}

/// The text of a field.
#[derive(Debug)]
pub(super) enum Text {
    /// Stands in the messages as it is.
    Shared(Range<usize>),
    /// Had doubled quotes or escapes.
    Owned(Vec<u8>),
}

impl Text {
    /// Its bytes.
    pub fn bytes<'a>(&'a self, data: &'a [u8]) -> &'a [u8] {
        match self {
            Text::Shared(range) => &data[range.clone()],
            Text::Owned(bytes) => bytes,
        }
    }
}

impl Marks {
    /// The marks of a dialect; an empty one stands nowhere.
    pub fn new(dialect: &Dialect) -> Marks {
        let bytes = |mark: Option<char>| mark.map(|c| c.to_string().into_bytes());
        let delimiter = dialect.delimiter.to_string().into_bytes();
        let quote = bytes(dialect.quote).unwrap_or_default();
        let escape = bytes(dialect.escape).unwrap_or_default();
        let mut is_special = [false; 256];
        for byte in [b'\n', b'\r'].iter().chain(delimiter.first()).chain(escape.first()) {
            is_special[usize::from(*byte)] = true;
        }
        Marks { delimiter, quote, escape, allow_comments: dialect.allow_comments, is_special }
    }
}

impl<'a> Fields<'a> {
    /// The fields of the first record of `data[start..end]`; `None` where there is none.
    pub fn begin(data: &'a [u8], start: usize, end: usize, marks: &'a Marks) -> Option<Fields<'a>> {
        let mut at = start;
        if marks.allow_comments {
            loop {
                while at < end && matches!(data[at], b' ' | b'\n' | b'\r') {
                    at += 1;
                }
                if at == end || data[at] != b'#' {
                    break;
                }
                let line = &data[at..end];
                at += memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len());
            }
            if at == end {
                return None;
            }
        }
        Some(Fields { data, at, end, marks, done: false })
    }

    /// The next field, or `None` after the last one. A record has at least one.
    pub fn next(&mut self) -> Outcome<Option<Text>> {
        if self.done {
            return Ok(None);
        }
        if self.takes(&self.marks.quote) {
            return self.quoted().map(Some);
        }
        self.unquoted().map(Some)
    }

    /// Takes a mark, if it is next.
    fn takes(&mut self, mark: &[u8]) -> bool {
        let is_next = !mark.is_empty() && self.data[self.at..self.end].starts_with(mark);
        self.at += if is_next { mark.len() } else { 0 };
        is_next
    }

    /// Takes the delimiter or the end of the record, if one is next.
    fn takes_end(&mut self) -> bool {
        if self.at == self.end || matches!(self.data[self.at], b'\n' | b'\r') {
            self.done = true;
            return true;
        }
        self.takes(&self.marks.delimiter)
    }

    fn unquoted(&mut self) -> Outcome<Text> {
        let start = self.at;
        let mut owned: Option<Vec<u8>> = None;
        loop {
            let run = self.at;
            while self.at < self.end && !self.marks.is_special[usize::from(self.data[self.at])] {
                self.at += 1;
            }
            if let Some(owned) = &mut owned {
                owned.extend_from_slice(&self.data[run..self.at]);
            }
            let stop = self.at;
            if self.takes_end() {
                return Ok(owned.map_or(Text::Shared(start..stop), Text::Owned));
            }
            if self.takes(&self.marks.escape) {
                let owned = owned.get_or_insert_with(|| self.data[start..stop].to_vec());
                self.at = unescape(self.data, self.at, self.end, owned)?;
            } else {
                // The first byte of a mark, and then something else.
                if let Some(owned) = &mut owned {
                    owned.push(self.data[self.at]);
                }
                self.at += 1;
            }
        }
    }

    fn quoted(&mut self) -> Outcome<Text> {
        let start = self.at;
        let mut owned: Option<Vec<u8>> = None;
        loop {
            let stop = self.at;
            if self.at == self.end {
                return Err(Problem::syntax("a quote that is opened is not closed"));
            }
            if self.takes(&self.marks.quote) {
                if !self.takes(&self.marks.quote) {
                    self.after_quotes()?;
                    return Ok(owned.map_or(Text::Shared(start..stop), Text::Owned));
                }
                let owned = owned.get_or_insert_with(|| self.data[start..stop].to_vec());
                owned.extend_from_slice(&self.marks.quote);
            } else if self.takes(&self.marks.escape) {
                let owned = owned.get_or_insert_with(|| self.data[start..stop].to_vec());
                self.at = unescape(self.data, self.at, self.end, owned)?;
            } else {
                if let Some(owned) = &mut owned {
                    owned.push(self.data[self.at]);
                }
                self.at += 1;
            }
        }
    }

    fn after_quotes(&mut self) -> Outcome<()> {
        while self.at < self.end && self.data[self.at] == b' ' && !self.marks.delimiter.eq(b" ") {
            self.at += 1;
        }
        if self.takes_end() {
            return Ok(());
        }
        let found = super::super::excerpt(&self.data[self.at..self.end]);
        Err(Problem::syntax(format!("expected a delimiter after a closing quote, found {found}")))
    }
}

/// Appends what an escape stands for; returns the position after it.
fn unescape(data: &[u8], at: usize, end: usize, out: &mut Vec<u8>) -> Outcome<usize> {
    if at == end {
        return Err(Problem::syntax("an escape character with nothing after it"));
    }
    out.push(match data[at] {
        b'0' => 0,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    });
    Ok(at + 1)
}
