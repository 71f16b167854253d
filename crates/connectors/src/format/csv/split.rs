//! Finds where a record of a file ends: at a line feed, a carriage return, or both, unless they
//! stand between quotes or after the escape character.

use super::super::lines::LineEnd;
use super::Dialect;

/// Follows the quotes of one record after the other.
pub(super) struct RecordEnd {
    delimiter: Vec<u8>,
    quote: Option<Vec<u8>>,
    escape: Option<Vec<u8>>,
    allow_comments: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but blanks, where comments are allowed.
    Start,
    /// At the first byte of a field.
    Field,
    Unquoted,
    Quoted,
    /// After a quote inside quotes: the end of the value, or half of a doubled one.
    Closing,
    Comment,
    /// After an escape character, inside quotes or not.
    Escaped {
        quoted: bool,
    },
    /// After a carriage return, which may be half of a line end.
    Returned,
}

impl RecordEnd {
    /// For records of that dialect.
    pub fn new(dialect: &Dialect) -> RecordEnd {
        let bytes = |character: char| character.to_string().into_bytes();
        let mut record_end = RecordEnd {
            delimiter: bytes(dialect.delimiter),
            quote: dialect.quote.map(bytes),
            escape: dialect.escape.map(bytes),
            allow_comments: dialect.allow_comments,
            state: State::Start,
        };
        record_end.restart();
        record_end
    }

    fn restart(&mut self) {
        self.state = if self.allow_comments { State::Start } else { State::Field };
    }

    /// The state after the byte at the end of `seen`, and whether it ends the record.
    fn step(&self, seen: &[u8]) -> (State, bool) {
        let byte = seen[seen.len() - 1];
        let ends_in = |text: &Option<Vec<u8>>| text.as_ref().is_some_and(|t| seen.ends_with(t));
        let is_break = byte == b'\n';
        match self.state {
            State::Start if byte == b' ' => (State::Start, false),
            State::Start if byte == b'#' => (State::Comment, false),
            State::Comment if !matches!(byte, b'\n' | b'\r') => (State::Comment, false),
            State::Quoted if ends_in(&self.quote) => (State::Closing, false),
            State::Quoted if ends_in(&self.escape) => (State::Escaped { quoted: true }, false),
            State::Quoted => (State::Quoted, false),
            State::Closing if ends_in(&self.quote) => (State::Quoted, false),
            State::Escaped { quoted: true } => (State::Quoted, false),
            State::Escaped { quoted: false } => (State::Unquoted, false),
            State::Start | State::Field if ends_in(&self.quote) => (State::Quoted, false),
            _ if byte == b'\r' => (State::Returned, false),
            _ if is_break => (State::Field, true),
            _ if seen.ends_with(&self.delimiter) => (State::Field, false),
            State::Closing => (State::Closing, false),
            _ if ends_in(&self.escape) => (State::Escaped { quoted: false }, false),
            // The first bytes of a quote of several.
            State::Field | State::Start if byte >= 0x80 => (State::Field, false),
            _ => (State::Unquoted, false),
        }
    }
}

impl LineEnd for RecordEnd {
    fn find(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        for at in from..bytes.len() {
            if self.state == State::Returned {
                // A line feed belongs to the return; anything else begins the next record.
                self.restart();
                return Some(if bytes[at] == b'\n' { at } else { at - 1 });
            }
            let (state, ends) = self.step(&bytes[..=at]);
            self.state = state;
            if ends {
                self.restart();
                return Some(at);
            }
        }
        None
    }
}
