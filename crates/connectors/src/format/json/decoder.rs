//! Decodes JSON messages: one object is one row, an array of objects is many.

use argus_base::Result;

use super::super::column::Column;
use super::super::ledger::Ledger;
use super::super::problem::Outcome;
use super::super::text_check::TextCheck;
use super::super::{Decoded, Decoder, FormatContext};
use super::cursor::Cursor;
use super::values::{DecodeOptions, Reader, RowPlan};
use crate::message::MessageBatch;

/// Decoder of one reader.
pub(super) struct JsonDecoder {
    plan: RowPlan,
    columns: Vec<Column>,
    options: DecodeOptions,
}

impl JsonDecoder {
    /// A decoder of the wanted fields.
    pub fn new(context: &FormatContext<'_>, options: DecodeOptions) -> Result<JsonDecoder> {
        let wanted = context.wanted()?;
        let columns = wanted.iter().map(|field| Column::new(&field.logical_type)).collect();
        Ok(JsonDecoder { plan: RowPlan::new(&wanted), columns, options })
    }

    fn message(&mut self, cursor: Cursor<'_>, message: usize, ledger: &mut Ledger) -> Outcome<()> {
        let mut reader = Reader { cursor, options: self.options };
        // A byte order mark is no blank, but may stand at the start.
        if reader.cursor.data[cursor.at..cursor.end].starts_with(b"\xef\xbb\xbf") {
            reader.cursor.at += 3;
        }
        reader.cursor.skip_blanks();
        if reader.cursor.peek() != b'[' {
            self.row(&mut reader, ledger)?;
            ledger.add_row(message);
            return Ok(());
        }
        reader.cursor.at += 1;
        let mut has_next = !reader.cursor.is_empty(b']');
        while has_next {
            self.element(&mut reader, message, ledger)?;
            has_next = reader.cursor.has_next(b']')?;
        }
        Ok(())
    }

    fn row(&mut self, reader: &mut Reader<'_>, ledger: &Ledger) -> Outcome<()> {
        reader.row(&mut self.plan, &mut self.columns, ledger.n_rows())
    }

    /// One row of a top-level array. `null` has none; nor has, where parse errors are ignored,
    /// what is no object.
    fn element(
        &mut self,
        reader: &mut Reader<'_>,
        message: usize,
        ledger: &mut Ledger,
    ) -> Outcome<()> {
        if reader.cursor.peek() == b'n' {
            return reader.cursor.literal("null");
        }
        let start = reader.cursor.at;
        match self.row(reader, ledger) {
            Ok(()) => ledger.add_row(message),
            Err(problem) if self.options.ignore_parse_errors && !problem.is_syntax => {
                self.truncate(ledger.n_rows());
                reader.cursor.at = start;
                reader.cursor.skip_value()?;
                ledger.ignore();
            }
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    fn truncate(&mut self, n_rows: usize) {
        for column in &mut self.columns {
            column.truncate(n_rows);
        }
    }
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, messages: &MessageBatch) -> Result<Decoded> {
        let data = messages.bytes.as_slice();
        let text = TextCheck::new(data);
        for column in &mut self.columns {
            column.reserve(messages.len());
        }
        let mut ledger = Ledger::default();
        for i in 0..messages.len() {
            let range = messages.range(i);
            // A tombstone and an empty body have no row, in Flink too.
            if messages.body(i).is_none_or(<[u8]>::is_empty) {
                continue;
            }
            if let Err(reason) = text.check(range.clone()) {
                self.bad(i, ledger.n_rows(), reason, &mut ledger);
                continue;
            }
            let n_rows = ledger.n_rows();
            let cursor = Cursor { data, at: range.start, end: range.end };
            if let Err(problem) = self.message(cursor, i, &mut ledger) {
                self.bad(i, n_rows, problem.into_reason("JSON"), &mut ledger);
            }
        }
        let columns: Result<_> =
            self.columns.iter_mut().map(|column| column.finish(&messages.bytes)).collect();
        Ok(ledger.finish(columns?))
    }
}

impl JsonDecoder {
    /// Reports or drops a message. Where errors are ignored, the rows of an array that came
    /// before its bad place stay, as they do in Flink.
    fn bad(&mut self, message: usize, n_rows: usize, reason: String, ledger: &mut Ledger) {
        if self.options.ignore_parse_errors {
            ledger.ignore();
        } else {
            ledger.truncate(n_rows);
            ledger.fail(message, reason);
        }
        self.truncate(ledger.n_rows());
    }
}
