//! Writes files of one line a row.

use argus_base::Result;
use arrow_array::ArrayRef;

use super::{Encoder, FileWriter};

/// Puts a line feed after every body an encoder makes.
pub(super) struct LineWriter {
    encoder: Box<dyn Encoder>,
}

impl LineWriter {
    /// Writes what that encoder makes.
    pub fn new(encoder: Box<dyn Encoder>) -> LineWriter {
        LineWriter { encoder }
    }
}

impl FileWriter for LineWriter {
    fn write(
        &mut self,
        columns: &[ArrayRef],
        n_rows: usize,
        out: &mut Vec<u8>,
    ) -> Result<Vec<(usize, String)>> {
        let encoded = self.encoder.encode(columns, n_rows)?;
        let mut failures = encoded.failures.iter().map(|(row, _)| *row).peekable();
        let mut start = 0;
        for (row, end) in encoded.ends.into_iter().enumerate() {
            if failures.next_if_eq(&row).is_none() {
                out.extend_from_slice(&encoded.bytes[start..end]);
                out.push(b'\n');
            }
            start = end;
        }
        Ok(encoded.failures)
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
