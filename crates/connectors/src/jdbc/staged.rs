//! Rows that were staged with checkpoints, applied within one transaction.
//!
//! They are read and applied chunk by chunk, so that memory has a bound whatever an epoch holds.
//! Of an upsert table the last row of a key counts within a chunk, and chunks follow each other
//! in the order of the rows.

use argus_base::commit::{EpochOutput, Prepared};
use argus_base::connector::{OnError, TableDescriptor};
use argus_base::{Batch, Error, Result};

use super::changes::{Changes, n_bytes, statements};
use super::isolate::{Action, apply_each};
use super::session::{Failure, Session};
use super::sink_metrics::Written;

/// Rows of one chunk, unless a single batch has more.
const MAX_CHUNK_ROWS: usize = 64 << 10;
/// Bytes of values of one chunk, unless a single batch has more.
const MAX_CHUNK_BYTES: usize = 64 << 20;

/// Applies rows of one table to a transaction that has begun.
pub struct Applier<'a> {
    table: &'a TableDescriptor,
    on_error: OnError,
    session: &'a mut dyn Session,
    chunk: Vec<Batch>,
    n_rows: usize,
    n_bytes: usize,
    written: Written,
}

impl<'a> Applier<'a> {
    /// Has applied nothing.
    pub fn new(
        table: &'a TableDescriptor,
        on_error: OnError,
        session: &'a mut dyn Session,
    ) -> Applier<'a> {
        let written = Written::default();
        Applier { table, on_error, session, chunk: Vec::new(), n_rows: 0, n_bytes: 0, written }
    }

    /// Applies the rows of these outputs, which are in order.
    pub fn apply(mut self, outputs: &[&EpochOutput]) -> Result<Written> {
        for output in outputs {
            let Prepared::Rows(rows) = &output.prepared else {
                return Err(Error::bug("a database was given a note instead of rows"));
            };
            for batch in rows.read()? {
                self.add(batch?)?;
            }
        }
        self.apply_chunk()?;
        Ok(self.written)
    }

    fn add(&mut self, batch: Batch) -> Result<()> {
        let n_bytes = batch.n_bytes();
        let is_full = self.n_rows + batch.n_rows() > MAX_CHUNK_ROWS
            || self.n_bytes + n_bytes > MAX_CHUNK_BYTES;
        if is_full {
            self.apply_chunk()?;
        }
        if batch.n_rows() > 0 {
            self.n_rows += batch.n_rows();
            self.n_bytes += n_bytes;
            self.chunk.push(batch);
        }
        Ok(())
    }

    fn apply_chunk(&mut self) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.chunk);
        (self.n_rows, self.n_bytes) = (0, 0);
        let changes = Changes::of(&batches, &self.table.physical, &self.table.primary_key)?;
        drop(batches);
        let n_refused = self.written.n_refused;
        for rows in statements(&changes.upserts) {
            self.apply_part(Action::Upsert, &rows)?;
        }
        for rows in statements(&changes.deletes) {
            self.apply_part(Action::Delete, &rows)?;
        }
        self.written.n_rows += changes.n_rows - (self.written.n_refused - n_refused);
        self.written.n_bytes += n_bytes(&changes.upserts) + n_bytes(&changes.deletes);
        Ok(())
    }

    fn apply_part(&mut self, action: Action, rows: &arrow_array::RecordBatch) -> Result<()> {
        let in_table = |failure: Failure| failure.into_error(&self.table.name);
        let mut refused = apply_each(self.session, action, rows).map_err(in_table)?;
        self.written.n_refused += refused.len();
        let Some(reason) = refused.drain(..).next() else { return Ok(()) };
        if self.on_error == OnError::Fail {
            return Err(in_table(Failure::Data(reason)));
        }
        self.written.reason.get_or_insert(reason);
        Ok(())
    }
}
