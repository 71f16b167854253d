//! Where the rows of a SELECT go: standard output, as JSON lines or as a table.
//!
//! [`ClientSink`] is a sink like a connector's, so a SELECT runs by the same path as an INSERT. Its
//! writers share one printer; a batch is printed whole, so that two subtasks never mix theirs.

mod human;
pub mod json;
mod number;
pub mod rows;
pub mod table;
mod time;

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};

use argus_base::commit::Prepared;
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Sink, SinkWriter};
use argus_base::{Batch, Error, Field, Result};
use argus_connectors::background::{BackgroundWriter, Worker};

pub use human::{bytes, duration, instant, local, millis, watermark};
use table::Table;

/// The code of an error that means: nobody reads the rows any more.
pub const READER_GONE: &str = "AR3101";

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputForm {
    /// One JSON object a row.
    Json,
    /// Aligned columns.
    Table,
}

/// The rows of one statement on their way to standard output.
pub struct Printer {
    fields: Vec<Field>,
    /// `None` prints JSON.
    table: Option<Table>,
}

impl Printer {
    /// A printer of these columns. `has_kinds` says whether rows other than +I can come.
    pub fn new(form: OutputForm, fields: Vec<Field>, has_kinds: bool) -> Printer {
        let table = match form {
            OutputForm::Json => None,
            OutputForm::Table => Some(Table::new(fields.clone(), has_kinds)),
        };
        Printer { fields, table }
    }

    /// Prints a batch at once.
    pub fn print(&mut self, batch: &Batch) -> Result<()> {
        let Some(table) = &mut self.table else {
            let mut out = Vec::with_capacity(batch.n_rows() * 64);
            json::write_batch(&mut out, &self.fields, batch);
            return write_out(&out);
        };
        let mut out = String::new();
        table.write_batch(&mut out, batch);
        write_out(out.as_bytes())
    }

    /// Prints what stands below the last row.
    pub fn finish(&mut self) -> Result<()> {
        let Some(table) = &mut self.table else { return Ok(()) };
        let mut out = String::new();
        table.write_end(&mut out);
        write_out(out.as_bytes())
    }
}

/// Writes to standard output, at once.
pub fn write_out(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => {
            Error::user(READER_GONE, "whoever read the printed rows has gone away")
        }
        _ => Error::user("AR3102", error.to_string()).context("print rows"),
    })
}

/// Seconds since 1970 as `yyyy-MM-dd HH:mm:ss` in UTC.
pub fn write_time(seconds: i64) -> String {
    let mut out = Vec::new();
    time::write_timestamp(&mut out, seconds, 1);
    String::from_utf8_lossy(&out).into_owned()
}

/// Takes the rows of a SELECT.
pub struct ClientSink {
    printer: Arc<Mutex<Printer>>,
}

impl ClientSink {
    /// A sink in front of a printer, which the caller finishes when the job has ended.
    pub fn new(printer: Arc<Mutex<Printer>>) -> ClientSink {
        ClientSink { printer }
    }
}

impl Sink for ClientSink {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn writer(&self, _subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let printer = Arc::clone(&self.printer);
        Ok(Box::new(BackgroundWriter::start("client", move |_| Client { printer })?))
    }
}

struct Client {
    printer: Arc<Mutex<Printer>>,
}

impl Worker for Client {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.printer.lock().unwrap_or_else(PoisonError::into_inner).print(&batch)
    }

    fn flush(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}
