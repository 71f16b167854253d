//! The filesystem sink: files below the path, a folder a partition, each visible at once and never
//! half.
//!
//! With checkpoints the files of an epoch end with it and become visible when it is committed.
//! Without, they are `part-<subtask>-<n>`, and all become visible at the end of the input.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::connector::{
    ConnectorContext, OnError, Projection, SinkCommitter, SinkSet, SinkTable, TableDescriptor,
};
use argus_base::id::SubtaskIndex;
use argus_base::metrics::Counter;
use argus_base::option::Options;
use argus_base::sink::{Delivery, Sink, SinkWriter};
use argus_base::{Env, Error, Field, Result};
use arrow_array::Array;

use super::committer::{CommitTarget, FileCommitter, SharedNames};
use super::local::LocalPlace;
use super::partition_commit::PartitionPolicy;
use super::path::Location;
use super::patience::Patience;
use super::place::Place;
use super::s3::S3Place;
use super::writer::{FolderWriter, Visibility};
use super::{code, prepared, spec};
use crate::background::BackgroundWriter;
use crate::distinct::{DistinctTable, distinct};
use crate::format::{FileWriter, FormatContext};
use crate::metrics::{SINK_BYTES, SINK_RECORDS, SINK_SKIPPED};
use crate::registry::unchecked;
use crate::row_text::write_value;
use crate::table_options::{FormatOptions, TableOptions};

/// Opens the tables that a job writes.
pub fn open_all(tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
    let mut sinks: Vec<Option<Arc<dyn Sink>>> = vec![None; tables.len()];
    let mut committers = Vec::new();
    for DistinctTable { table, sink_name, positions } in distinct(tables, |table| &table.name) {
        let sink = open(table, context)
            .map_err(|error| error.context(format!("open the table '{}'", table.name)))?;
        let sink = Arc::new(sink);
        for &position in &positions {
            sinks[position] = Some(Arc::clone(&sink) as Arc<dyn Sink>);
        }
        if sink.is_checkpointed {
            let committer = Box::new(sink.committer(sink_name));
            committers.push(SinkCommitter { sinks: positions, committer, is_commit_point: false });
        }
    }
    Ok(SinkSet { sinks: sinks.into_iter().flatten().collect(), committers })
}

fn open(table: &TableDescriptor, context: &ConnectorContext) -> Result<FileSink> {
    let options = TableOptions::check(table, &spec()).map_err(|error| unchecked(table, &error))?;
    let connector = &options.connector;
    let policy = PartitionPolicy::of(connector).map_err(|error| unchecked(table, &error))?;
    let max_file_bytes = connector.memory_size("sink.rolling-policy.file-size").unwrap_or(1 << 27);
    let Some(format) = options.body.clone() else {
        return Err(Error::bug("a filesystem table without a format"));
    };
    let labels = [("job", context.job_name.as_str()), ("sink", table.name.as_str())];
    let is_key = |field: &Field| table.partition_keys.contains(&field.name);
    let position = |key: &String| table.physical.iter().position(|field| field.name == *key);
    let target = Target {
        table_name: table.name.clone(),
        place: place(connector, context, max_file_bytes)?,
        body_columns: (0..table.physical.len()).filter(|i| !is_key(&table.physical[*i])).collect(),
        key_columns: table.partition_keys.iter().filter_map(position).collect(),
        fields: table.physical.clone(),
        format,
        time_zone: context.time_zone.clone(),
        default_partition: connector.text("partition.default-name").unwrap_or_default().to_owned(),
        max_file_bytes,
        max_file_age: connector
            .duration("sink.rolling-policy.rollover-interval")
            .unwrap_or(Duration::MAX),
        policy,
        connect_timeout: context.connect_timeout,
        on_error: context.on_sink_error,
        env: context.env.clone(),
        n_records: context.metrics.counter(&SINK_RECORDS, &labels),
        n_bytes: context.metrics.counter(&SINK_BYTES, &labels),
        n_skipped: context.metrics.counter(&SINK_SKIPPED, &labels),
        next_number: AtomicUsize::new(0),
        ended: Mutex::new(Ended::default()),
    };
    Ok(FileSink {
        target: Arc::new(target),
        names: SharedNames::default(),
        is_checkpointed: context.checkpoints.is_some(),
        max_parallelism: options.sink_parallelism(),
    })
}

fn place(
    options: &Options,
    context: &ConnectorContext,
    max_file_bytes: u64,
) -> Result<Arc<dyn Place>> {
    let location = Location::parse(options.text("path").unwrap_or_default())
        .map_err(|problem| Error::user(code::CANNOT_WRITE, problem))?;
    Ok(match location {
        Location::Local(folder) => Arc::new(LocalPlace::new(folder)?),
        Location::S3 { bucket, prefix } => {
            Arc::new(S3Place::new(&bucket, &prefix, &context.settings, max_file_bytes)?)
        }
    })
}

/// A table as its writers share it.
pub struct Target {
    table_name: String,
    /// Where its files go.
    pub place: Arc<dyn Place>,
    /// The table's columns.
    pub fields: Vec<Field>,
    /// Positions of the columns that files hold.
    pub body_columns: Vec<usize>,
    /// Positions of the partition columns, in order of PARTITIONED BY.
    pub key_columns: Vec<usize>,
    format: FormatOptions,
    time_zone: String,
    default_partition: String,
    /// A file that has reached this size is followed by another.
    pub max_file_bytes: u64,
    /// A file that has been open for this long is followed by another.
    pub max_file_age: Duration,
    policy: Option<PartitionPolicy>,
    /// How long to wait for a server at the start.
    pub connect_timeout: Duration,
    on_error: OnError,
    /// The job's.
    pub env: Env,
    /// Visible rows.
    pub n_records: Counter,
    /// Encoded bytes.
    pub n_bytes: Counter,
    n_skipped: Counter,
    /// Number of the next file that waits for its commit. Several INSERTs to the table have
    /// writers of the same subtask, whose files must not have one name.
    pub next_number: AtomicUsize,
    /// Of the writers of a job without checkpoints.
    ended: Mutex<Ended>,
}

/// What the writers that have ended leave to the last of them.
#[derive(Default)]
struct Ended {
    /// Writers that have not.
    n_writing: usize,
    folders: BTreeSet<String>,
}

struct FileSink {
    target: Arc<Target>,
    names: SharedNames,
    is_checkpointed: bool,
    max_parallelism: Option<usize>,
}

impl FileSink {
    fn committer(&self, sink_name: String) -> FileCommitter {
        let target = CommitTarget {
            place: Arc::clone(&self.target.place),
            sink_name,
            n_keys: self.target.key_columns.len(),
            policy: self.target.policy.clone(),
            env: self.target.env.clone(),
            n_records: self.target.n_records.clone(),
        };
        FileCommitter::new(target, Arc::clone(&self.names))
    }
}

impl Sink for FileSink {
    fn max_parallelism(&self) -> Option<usize> {
        self.max_parallelism
    }

    fn delivery(&self) -> Delivery {
        if self.is_checkpointed { Delivery::TwoPhase } else { Delivery::AtLeastOnce }
    }

    fn writer(&self, subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let target = Arc::clone(&self.target);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let visibility = match names {
            Some(names) => Visibility::ByEpoch(names),
            None if !self.is_checkpointed => Visibility::AtTheEnd,
            None => return Err(Error::bug("a writer of a folder that is not yet open")),
        };
        self.target.ended.lock().unwrap_or_else(PoisonError::into_inner).n_writing += 1;
        let writer = BackgroundWriter::start("files", move |state| {
            let patience = Patience::new(target.env.clone(), state);
            FolderWriter::new(target, subtask, patience, visibility)
        })?;
        Ok(Box::new(writer))
    }
}

impl Target {
    /// What encodes the rows of a new file.
    pub fn file_writer(&self) -> Result<Box<dyn FileWriter>> {
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

    /// The name of a row's partition by one of its columns.
    pub fn partition_name(&self, column: usize, values: &dyn Array, row: usize) -> String {
        let mut name = String::new();
        if !values.is_null(row) {
            write_value(&mut name, &self.fields[column].logical_type, values, row);
        }
        if name.is_empty() { self.default_partition.clone() } else { name }
    }

    /// What becomes of rows that could not be encoded.
    pub fn judge(&self, failures: &[(usize, String)]) -> Result<()> {
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

    /// A writer of a job without checkpoints has published its last file, into these folders. The
    /// last of all tells that the partitions are complete.
    pub fn end_writer(&self, folders: BTreeSet<String>, patience: &Patience) -> Result<()> {
        let Some(policy) = self.policy.as_ref().filter(|_| !self.key_columns.is_empty()) else {
            return Ok(());
        };
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.n_writing = ended.n_writing.saturating_sub(1);
        ended.folders.extend(folders);
        if ended.n_writing > 0 {
            return Ok(());
        }
        ended.folders.iter().try_for_each(|folder| {
            let path = prepared::path(folder, &policy.success_name);
            patience.insist(|| self.place.touch(&path))
        })
    }
}
