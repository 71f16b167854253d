//! Which message each decoded row came from, and what became of the others.

use arrow_array::ArrayRef;

use super::{DecodeFailure, Decoded};

/// Collects the outcome of a batch of messages, in order.
#[derive(Default)]
pub(crate) struct Ledger {
    n_rows: usize,
    message_of_row: Option<Vec<u32>>,
    failures: Vec<DecodeFailure>,
    n_ignored: u64,
}

impl Ledger {
    /// Rows so far.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The message had one more row.
    #[inline]
    pub fn add_row(&mut self, message: usize) {
        if self.message_of_row.is_none() && self.n_rows != message {
            self.message_of_row = Some((0..self.n_rows as u32).collect());
        }
        if let Some(messages) = &mut self.message_of_row {
            messages.push(message as u32);
        }
        self.n_rows += 1;
    }

    /// Takes back the rows from `n_rows` on.
    pub fn truncate(&mut self, n_rows: usize) {
        if let Some(messages) = &mut self.message_of_row {
            messages.truncate(n_rows);
        }
        self.n_rows = n_rows;
    }

    /// The message could not be decoded.
    pub fn fail(&mut self, message: usize, reason: String) {
        self.failures.push(DecodeFailure { message: message as u32, reason });
    }

    /// The message was dropped because the options say so.
    pub fn ignore(&mut self) {
        self.n_ignored += 1;
    }

    /// The outcome with the decoded columns.
    pub fn finish(self, columns: Vec<ArrayRef>) -> Decoded {
        let Ledger { n_rows, message_of_row, failures, n_ignored } = self;
        Decoded { columns, n_rows, message_of_row, failures, n_ignored }
    }
}
