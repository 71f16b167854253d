//! The filesystem sink: files `part-<subtask>-<n>` below the path, a folder a partition. They all
//! become visible at the end of the input, each at once and never half.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::Prepared;
use argus_base::connector::{ConnectorContext, OnError, Projection, TableDescriptor};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::metrics::Counter;
use argus_base::sink::{Sink, SinkWriter};
use argus_base::{Batch, Env, Error, Field, Result};
use arrow_array::{Array, ArrayRef, UInt64Array};

use super::part_file::{ClosedPart, PartFile};
use super::{code, partition, path};
use crate::background::{BackgroundWriter, Worker};
use crate::format::{FileWriter, FormatContext};
use crate::metrics::{SINK_BYTES, SINK_RECORDS, SINK_SKIPPED};
use crate::row_text::write_value;
use crate::table_options::{FormatOptions, TableOptions};

/// Most partitions that are written at a time by one subtask; beyond, the one that was begun
/// first is closed.
const MAX_OPEN_FILES: usize = 256;

/// Opens a table for writing.
pub fn open(
    table: &TableDescriptor,
    context: &ConnectorContext,
    options: &TableOptions,
) -> Result<Arc<dyn Sink>> {
    let connector = &options.connector;
    let folder = path::local(connector.text("path").unwrap_or_default())
        .map_err(|problem| Error::user(code::CANNOT_WRITE, problem))?;
    if folder.is_file() {
        let message = format!("'{}' is a file; a sink writes into a folder", folder.display());
        return Err(Error::user(code::CANNOT_WRITE, message));
    }
    let Some(format) = options.body.clone() else {
        return Err(Error::bug("a filesystem table without a format"));
    };
    let labels = [("job", context.job_name.as_str()), ("sink", table.name.as_str())];
    let is_key = |field: &Field| table.partition_keys.contains(&field.name);
    let position = |key: &String| table.physical.iter().position(|field| field.name == *key);
    let target = Target {
        table_name: table.name.clone(),
        folder,
        body_columns: (0..table.physical.len()).filter(|i| !is_key(&table.physical[*i])).collect(),
        key_columns: table.partition_keys.iter().filter_map(position).collect(),
        fields: table.physical.clone(),
        format,
        time_zone: context.time_zone.clone(),
        default_partition: connector.text("partition.default-name").unwrap_or_default().to_owned(),
        max_file_bytes: connector.memory_size("sink.rolling-policy.file-size").unwrap_or(1 << 27),
        max_file_age: connector
            .duration("sink.rolling-policy.rollover-interval")
            .unwrap_or(Duration::MAX),
        on_error: context.on_sink_error,
        env: context.env.clone(),
        n_records: context.metrics.counter(&SINK_RECORDS, &labels),
        n_bytes: context.metrics.counter(&SINK_BYTES, &labels),
        n_skipped: context.metrics.counter(&SINK_SKIPPED, &labels),
    };
    let max_parallelism = options.sink_parallelism();
    Ok(Arc::new(FileSink { target: Arc::new(target), max_parallelism }))
}

/// A table as its writers share it.
struct Target {
    table_name: String,
    folder: PathBuf,
    fields: Vec<Field>,
    /// Positions of the columns that files hold.
    body_columns: Vec<usize>,
    /// Positions of the partition columns, in order of PARTITIONED BY.
    key_columns: Vec<usize>,
    format: FormatOptions,
    time_zone: String,
    default_partition: String,
    max_file_bytes: u64,
    max_file_age: Duration,
    on_error: OnError,
    env: Env,
    n_records: Counter,
    n_bytes: Counter,
    n_skipped: Counter,
}

struct FileSink {
    target: Arc<Target>,
    max_parallelism: Option<usize>,
}

impl Sink for FileSink {
    fn max_parallelism(&self) -> Option<usize> {
        self.max_parallelism
    }

    fn writer(&self, subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let target = Arc::clone(&self.target);
        let writer = FolderWriter {
            target,
            subtask,
            open: BTreeMap::new(),
            closed: Vec::new(),
            n_written: 0,
        };
        Ok(Box::new(BackgroundWriter::start("files", move |_| writer)?))
    }
}

/// The blocking half of a writer.
struct FolderWriter {
    target: Arc<Target>,
    subtask: SubtaskIndex,
    /// By partition folder, relative to the table's; empty without partitions.
    open: BTreeMap<String, PartFile>,
    closed: Vec<(String, ClosedPart)>,
    /// Rows in files that are not visible yet.
    n_written: u64,
}

impl Worker for FolderWriter {
    fn open(&mut self) -> Result<()> {
        let folder = &self.target.folder;
        std::fs::create_dir_all(folder).map_err(|error| {
            let message = format!("cannot make the folder '{}': {error}", folder.display());
            Error::user(code::CANNOT_WRITE, message)
        })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let columns = batch.records.columns();
        if self.target.key_columns.is_empty() {
            return self.write_rows("", columns, batch.n_rows());
        }
        for (folder, rows) in self.rows_of_partitions(columns, batch.n_rows()) {
            let rows = UInt64Array::from(rows);
            let taken = arrow_select::take::take_arrays(columns, &rows, None)?;
            self.write_rows(&folder, &taken, rows.len())?;
        }
        Ok(())
    }

    fn flush(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        self.open.values_mut().try_for_each(PartFile::sync)?;
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<()> {
        while let Some((folder, part)) = self.open.pop_first() {
            self.closed.push((folder, part.close()?));
        }
        let mut next: BTreeMap<String, u64> = BTreeMap::new();
        for (folder, part) in self.closed.drain(..) {
            let number = next.entry(folder).or_default();
            let subtask = self.subtask.0;
            *number = part.publish(*number, |number| format!("part-{subtask}-{number}"))?;
        }
        self.target.n_records.add(std::mem::take(&mut self.n_written));
        Ok(())
    }
}

impl FolderWriter {
    fn rows_of_partitions(
        &self,
        columns: &[ArrayRef],
        n_rows: usize,
    ) -> BTreeMap<String, Vec<u64>> {
        let mut rows: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for row in 0..n_rows {
            let folders = self.target.key_columns.iter().map(|&column| {
                let field = &self.target.fields[column];
                let name = self.target.partition_name(column, columns[column].as_ref(), row);
                partition::folder(&field.name, &name)
            });
            let folder = folders.collect::<Vec<_>>().join("/");
            rows.entry(folder).or_default().push(row as u64);
        }
        rows
    }

    /// `columns` are the table's, of one partition.
    fn write_rows(&mut self, folder: &str, columns: &[ArrayRef], n_rows: usize) -> Result<()> {
        let body: Vec<ArrayRef> =
            self.target.body_columns.iter().map(|column| Arc::clone(&columns[*column])).collect();
        let target = Arc::clone(&self.target);
        let part = self.part(folder)?;
        let before = part.n_bytes();
        let failures = part.write(&body, n_rows)?;
        target.n_bytes.add(part.n_bytes() - before);
        let age = target.env.elapsed().saturating_sub(part.opened_at());
        let is_full = part.n_bytes() >= target.max_file_bytes || age >= target.max_file_age;
        self.n_written += (n_rows - failures.len()) as u64;
        target.judge(&failures)?;
        if is_full && let Some(part) = self.open.remove(folder) {
            self.closed.push((folder.to_owned(), part.close()?));
        }
        Ok(())
    }

    fn part(&mut self, folder: &str) -> Result<&mut PartFile> {
        if !self.open.contains_key(folder) {
            self.make_room()?;
            let target = &self.target;
            let name = format!(".part-{}.inprogress-{:016x}", self.subtask.0, target.env.random());
            let now = target.env.elapsed();
            let path = target.folder.join(folder);
            let part = PartFile::create(&path, &name, target.file_writer()?, now)?;
            self.open.insert(folder.to_owned(), part);
        }
        self.open.get_mut(folder).ok_or_else(|| Error::bug("a file was just opened"))
    }

    fn make_room(&mut self) -> Result<()> {
        if self.open.len() < MAX_OPEN_FILES {
            return Ok(());
        }
        let oldest = self.open.iter().min_by_key(|(_, part)| part.opened_at());
        let Some(folder) = oldest.map(|(folder, _)| folder.clone()) else { return Ok(()) };
        if let Some(part) = self.open.remove(&folder) {
            self.closed.push((folder, part.close()?));
        }
        Ok(())
    }
}

impl Target {
    fn file_writer(&self) -> Result<Box<dyn FileWriter>> {
        let body = self.body_columns.iter().map(|column| self.fields[*column].clone());
        let schema: Vec<Field> = body.collect();
        let context = FormatContext {
            schema: &schema,
            projection: &Projection::all(schema.len()),
            options: &self.format.options,
            time_zone: &self.time_zone,
        };
        (self.format.format.file_writer)(&context)
    }

    fn partition_name(&self, column: usize, values: &dyn Array, row: usize) -> String {
        let mut name = String::new();
        if !values.is_null(row) {
            write_value(&mut name, &self.fields[column].logical_type, values, row);
        }
        if name.is_empty() { self.default_partition.clone() } else { name }
    }

    /// What becomes of rows that could not be encoded.
    fn judge(&self, failures: &[(usize, String)]) -> Result<()> {
        let Some((_, reason)) = failures.first() else { return Ok(()) };
        let table = &self.table_name;
        if self.on_error == OnError::Fail {
            let message = format!("a row for the table '{table}' cannot be encoded: {reason}");
            return Err(Error::data(code::BAD_ROW, message));
        }
        self.n_skipped.add(failures.len() as u64);
        tracing::warn!(table, n_rows = failures.len(), reason, "rows skipped");
        Ok(())
    }
}
