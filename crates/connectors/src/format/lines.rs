//! Splits files into lines: a message ends at a line feed, which with a carriage return before
//! it is left out. Optionally a line feed inside quotes ends nothing.

use std::io::{ErrorKind, Read};

use argus_base::{Error, Result};
use arrow_buffer::Buffer;

use super::{
    BAD_FILE, FILE_BATCH_BYTES, FileReader, MAX_FILE_BATCH_MESSAGES, MAX_FILE_MESSAGE_BYTES,
    READ_FAILED,
};
use crate::message::MessageBatch;

/// How many bytes are asked of the file at once.
const READ_BYTES: usize = 256 << 10;

/// Decides where lines end, one byte after the other; state goes on from line to line.
pub(super) trait LineEnd: Send {
    /// Position of the line feed that ends the line which begins at 0, looking from `from` on.
    /// Called with ever longer `bytes` of the same line until it finds one.
    fn find(&mut self, bytes: &[u8], from: usize) -> Option<usize>;
}

/// Every line feed ends a line.
pub(super) struct EveryLineFeed;

impl LineEnd for EveryLineFeed {
    fn find(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        memchr::memchr(b'\n', &bytes[from..]).map(|at| from + at)
    }
}

/// Reads lines as messages.
pub(super) struct LineReader<E: LineEnd> {
    input: Box<dyn Read + Send>,
    line_end: E,
    /// Read but not handed out; the first `n_searched` bytes hold no line end.
    pending: Vec<u8>,
    n_searched: usize,
    at_end: bool,
    /// What ended reading, told after the lines before it.
    failure: Option<Error>,
}

impl LineReader<EveryLineFeed> {
    /// Every line feed ends a message.
    pub fn new(input: Box<dyn Read + Send>) -> LineReader<EveryLineFeed> {
        LineReader::with_line_end(input, EveryLineFeed)
    }
}

impl<E: LineEnd> LineReader<E> {
    /// Messages end where `line_end` says.
    pub fn with_line_end(input: Box<dyn Read + Send>, line_end: E) -> LineReader<E> {
        let pending = Vec::new();
        LineReader { input, line_end, pending, n_searched: 0, at_end: false, failure: None }
    }

    /// Reads more into `pending`; false at the end of the file.
    fn fill(&mut self) -> Result<bool> {
        let length = self.pending.len();
        self.pending.resize(length + READ_BYTES, 0);
        loop {
            let outcome = self.input.read(&mut self.pending[length..]);
            match outcome {
                Ok(n_read) => {
                    self.pending.truncate(length + n_read);
                    return Ok(n_read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.pending.truncate(length);
                    return Err(
                        Error::transient(READ_FAILED, error.to_string()).context("read the file")
                    );
                }
            }
        }
    }

    /// Length of the next line in `pending[start..]` with its line feed, or `None` at the end
    /// of the file.
    fn next_line(&mut self, start: usize) -> Result<Option<usize>> {
        loop {
            let line = &self.pending[start..];
            if let Some(at) = self.line_end.find(line, self.n_searched) {
                self.n_searched = 0;
                return Ok(Some(at + 1));
            }
            self.n_searched = line.len();
            if self.n_searched > MAX_FILE_MESSAGE_BYTES {
                return Err(Error::data(
                    BAD_FILE,
                    format!("a line is longer than {} MiB", MAX_FILE_MESSAGE_BYTES >> 20),
                ));
            }
            if self.at_end || !self.fill()? {
                self.at_end = true;
                let rest = self.pending.len() - start;
                self.n_searched = 0;
                return Ok((rest > 0).then_some(rest));
            }
        }
    }
}

impl<E: LineEnd> FileReader for LineReader<E> {
    fn next_batch(&mut self) -> Result<Option<MessageBatch>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let mut start = 0;
        while ends.len() < MAX_FILE_BATCH_MESSAGES && bytes.len() < FILE_BATCH_BYTES {
            let length = match self.next_line(start) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(error) if ends.is_empty() => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            };
            let line = &self.pending[start..start + length];
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            bytes.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            ends.push(bytes.len() as u32);
            start += length;
        }
        self.pending.drain(..start);
        if ends.is_empty() {
            return Ok(None);
        }
        Ok(Some(MessageBatch { bytes: Buffer::from_vec(bytes), ends, nulls: None }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let n = out.len().min(self.0.len()).min(self.1);
            out[..n].copy_from_slice(&self.0[..n]);
            self.0.drain(..n);
            Ok(n)
        }
    }

    fn check(file: &str, expected: &[&str]) {
        for n_bytes in [1, 2, 3, 1 << 20] {
            let input = Box::new(Trickle(file.as_bytes().to_vec(), n_bytes));
            let mut reader = LineReader::new(input);
            let mut lines = Vec::new();
            while let Some(batch) = reader.next_batch().unwrap() {
                assert!(!batch.is_empty());
                for i in 0..batch.len() {
                    lines.push(String::from_utf8(batch.body(i).unwrap().to_vec()).unwrap());
                }
            }
            assert_eq!(lines, expected, "{n_bytes} bytes at a time");
        }
    }

    #[test]
    fn lines_end_at_line_feeds() {
        check("", &[]);
        check("a", &["a"]);
        check("a\n", &["a"]);
        check("a\nbb\r\n\nccc", &["a", "bb", "", "ccc"]);
        check("\n\n", &["", ""]);
    }

    #[test]
    fn batches_are_bounded() {
        let file = "x\n".repeat(MAX_FILE_BATCH_MESSAGES + 1);
        let mut reader = LineReader::new(Box::new(std::io::Cursor::new(file)));
        assert_eq!(reader.next_batch().unwrap().unwrap().len(), MAX_FILE_BATCH_MESSAGES);
        assert_eq!(reader.next_batch().unwrap().unwrap().len(), 1);
        assert!(reader.next_batch().unwrap().is_none());
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut reader = LineReader::new(Box::new(std::io::repeat(b'x')));
        let error = reader.next_batch().unwrap_err();
        assert_eq!(error.to_string(), "a line is longer than 64 MiB");
    }
}
