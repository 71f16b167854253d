//! `print`: one line a row on standard output or standard error, as Flink's print sink writes it.
//!
//! ```text
//! [identifier][:][subtask]> +I[1, a, 2020-01-01T00:00]
//! ```
//! The subtask is there, counted from 1, when there are several.

use std::io::Write;
use std::sync::Arc;

use argus_base::commit::Prepared;
use argus_base::connector::{
    ConnectorContext, ConnectorSpec, FormatUse, SinkMode, TableDescriptor,
};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::metrics::Counter;
use argus_base::option::{OptionError, OptionKind, OptionSpec};
use argus_base::sink::{Sink, SinkWriter};
use argus_base::{Batch, Error, Field, Result};

use crate::background::{BackgroundWriter, Worker};
use crate::metrics::SINK_RECORDS;
use crate::registry::unchecked;
use crate::row_text;
use crate::table_options::TableOptions;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("print-identifier", OptionKind::Text, "Text in front of each line."),
    OptionSpec::new(
        "standard-error",
        OptionKind::Bool,
        "Whether lines go to standard error instead of standard output.",
    )
    .default("false"),
];

/// The declaration.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        identifier: "print",
        source: false,
        sink: Some(SinkMode::Retract),
        format: FormatUse::None,
        options: OPTIONS,
        metadata: Vec::new(),
    }
}

/// Every table will do.
pub fn check(_table: &TableDescriptor) -> std::result::Result<(), OptionError> {
    Ok(())
}

/// Opens a table for writing.
pub fn sink(
    table: &TableDescriptor,
    _metadata: &[usize],
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>> {
    let options = TableOptions::check(table, &spec()).map_err(|error| unchecked(table, &error))?;
    let labels = [("job", context.job_name.as_str()), ("sink", table.name.as_str())];
    Ok(Arc::new(PrintSink {
        identifier: options.connector.text("print-identifier").unwrap_or_default().to_owned(),
        to_stderr: options.connector.bool("standard-error"),
        fields: Arc::from(table.physical.as_slice()),
        max_parallelism: options.sink_parallelism(),
        n_records: context.metrics.counter(&SINK_RECORDS, &labels),
    }))
}

struct PrintSink {
    identifier: String,
    to_stderr: bool,
    fields: Arc<[Field]>,
    max_parallelism: Option<usize>,
    n_records: Counter,
}

impl Sink for PrintSink {
    fn max_parallelism(&self) -> Option<usize> {
        self.max_parallelism
    }

    fn writer(&self, subtask: SubtaskIndex, parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let printer = Printer {
            prefix: prefix(&self.identifier, subtask, parallelism),
            fields: Arc::clone(&self.fields),
            out: if self.to_stderr {
                Box::new(std::io::stderr())
            } else {
                Box::new(std::io::stdout())
            },
            n_records: self.n_records.clone(),
        };
        Ok(Box::new(BackgroundWriter::start("print", move |_| printer)?))
    }
}

fn prefix(identifier: &str, subtask: SubtaskIndex, parallelism: usize) -> String {
    let subtask = if parallelism > 1 { (subtask.0 + 1).to_string() } else { String::new() };
    match (identifier.is_empty(), subtask.is_empty()) {
        (true, true) => String::new(),
        (false, false) => format!("{identifier}:{subtask}> "),
        _ => format!("{identifier}{subtask}> "),
    }
}

/// Writes each batch at once, whole lines only, so that two subtasks never mix theirs.
struct Printer {
    prefix: String,
    fields: Arc<[Field]>,
    out: Box<dyn Write + Send>,
    n_records: Counter,
}

impl Worker for Printer {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let mut text = String::new();
        for index in 0..batch.n_rows() {
            text.push_str(&self.prefix);
            row_text::write_row(&mut text, &self.fields, &batch, index);
            text.push('\n');
        }
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| output_error(&error))?;
        self.n_records.add(batch.n_rows() as u64);
        Ok(())
    }

    fn flush(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

fn output_error(error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => {
            Error::user("AR3101", "whoever read the printed rows has gone away")
        }
        _ => Error::user("AR3102", error.to_string()).context("print rows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_flinks() {
        assert_eq!(prefix("", SubtaskIndex(0), 1), "");
        assert_eq!(prefix("id", SubtaskIndex(0), 1), "id> ");
        assert_eq!(prefix("", SubtaskIndex(1), 2), "2> ");
        assert_eq!(prefix("id", SubtaskIndex(0), 2), "id:1> ");
    }
}
