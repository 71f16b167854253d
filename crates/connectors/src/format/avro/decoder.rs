//! Decodes bare Avro bodies: no container, no header, no schema id. Bytes after the record are
//! ignored, as in Flink, so that a writer may have added fields at the end.

use argus_base::{Error, Result};

use super::super::column::{Column, Values};
use super::super::ledger::Ledger;
use super::super::problem::{Outcome, Problem};
use super::super::{BAD_OPTIONS, Decoded, Decoder};
use super::program::{Op, compile};
use super::schema::Schema;
use super::values::Reader;
use super::wire::Cursor;
use crate::message::MessageBatch;

/// Decoder of one reader, or of one container file.
pub(super) struct AvroDecoder {
    op: Op,
    columns: Vec<Column>,
}

impl AvroDecoder {
    /// Reads what a writer with that schema wrote into the wanted fields.
    pub fn new(writer: &Schema, wanted: &[argus_base::Field]) -> Result<AvroDecoder> {
        let op = compile(writer, wanted).map_err(|why| Error::user(BAD_OPTIONS, why))?;
        let columns = wanted.iter().map(|field| Column::new(&field.logical_type)).collect();
        Ok(AvroDecoder { op, columns })
    }

    fn attempt(&mut self, messages: &MessageBatch, checks_text: bool) -> Result<Decoded> {
        let mut ledger = Ledger::default();
        for column in &mut self.columns {
            column.truncate(0);
            column.reserve(messages.len());
        }
        let data = messages.bytes.as_slice();
        for i in 0..messages.len() {
            // A tombstone has no row.
            if messages.body(i).is_none() {
                continue;
            }
            let range = messages.range(i);
            let cursor = Cursor { data, at: range.start, end: range.end };
            match row(&self.op, Reader { cursor, checks_text }, &mut self.columns) {
                Ok(()) => ledger.add_row(i),
                Err(problem) => {
                    self.columns.iter_mut().for_each(|c| c.truncate(ledger.n_rows()));
                    ledger.fail(i, problem.into_reason("Avro"));
                }
            }
        }
        let columns: Result<_> =
            self.columns.iter_mut().map(|column| column.finish(&messages.bytes)).collect();
        Ok(ledger.finish(columns?))
    }
}

impl Decoder for AvroDecoder {
    fn decode(&mut self, messages: &MessageBatch) -> Result<Decoded> {
        // The finished columns check their text once more, so at first nothing else does; only
        // where they find something is it worth while to ask in which message.
        let has_text = self.columns.iter().any(holds_text);
        match self.attempt(messages, false) {
            Err(_) if has_text => self.attempt(messages, true),
            outcome => outcome,
        }
    }
}

fn holds_text(column: &Column) -> bool {
    match &column.values {
        Values::Text(_) | Values::Map { .. } => true,
        Values::List { element, .. } => holds_text(element),
        Values::Row(columns) => columns.iter().any(holds_text),
        _ => false,
    }
}

fn row(op: &Op, mut reader: Reader<'_>, columns: &mut [Column]) -> Outcome<()> {
    match op {
        Op::Record(op) => reader.record(op, columns),
        Op::Nullable { null_index, op: record } => {
            let index = reader.cursor.long()?;
            if index == *null_index || !(0..=1).contains(&index) {
                return Err(Problem::value(format!("expected a record, found branch {index}")));
            }
            row(record, reader, columns)
        }
        Op::Union(ops) => {
            let index = reader.cursor.long()?;
            match usize::try_from(index).ok().and_then(|index| ops.get(index)) {
                Some(op) => row(op, reader, columns),
                None => Err(Problem::value(format!("expected a record, found branch {index}"))),
            }
        }
        Op::Mismatch(why) => Err(Problem::value(why.clone())),
        _ => Err(Problem::value("expected a record")),
    }
}
