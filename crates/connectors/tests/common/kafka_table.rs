//! Kafka tables for tests: opens them as a job would and drives their readers and writers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{
    ConnectorContext, MetadataColumn, OnError, Projection, ScanSpec, SinkTable, TableDescriptor,
};
use argus_base::id::{SplitIndex, SubtaskIndex};
use argus_base::metrics::Registry;
use argus_base::sink::{SinkStatus, SinkWriter};
use argus_base::source::{Source, SourcePoll, SourceReader, SplitPosition};
use argus_base::{Batch, Env, Error, Field, TypeRoot};
use argus_connectors::kafka;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A context with that patience for brokers.
pub fn context(connect_timeout: Duration) -> ConnectorContext {
    ConnectorContext {
        env: Env::system(),
        job_name: "test".into(),
        time_zone: "UTC".into(),
        connect_timeout,
        on_source_error: OnError::Fail,
        on_sink_error: OnError::Fail,
        settings: BTreeMap::new(),
        metrics: Registry::default(),
        checkpoints: None,
        is_restart: false,
    }
}

/// The usual context.
pub fn patient() -> ConnectorContext {
    context(Duration::from_secs(30))
}

/// A table with the columns `id BIGINT, name STRING` in JSON and these options.
pub fn table(options: &[(&str, &str)]) -> TableDescriptor {
    let base = [("connector", "kafka"), ("format", "json")];
    let options = base.iter().chain(options);
    TableDescriptor {
        name: "orders".into(),
        options: options.map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        physical: vec![
            Field::new("id", TypeRoot::BigInt.nullable()),
            Field::new("name", TypeRoot::STRING.nullable()),
        ],
        metadata: vec![],
        primary_key: vec![],
        partition_keys: vec![],
    }
}

/// The same table with these metadata columns.
pub fn with_metadata(mut table: TableDescriptor, keys: &[&str]) -> TableDescriptor {
    let specs = kafka::spec().metadata;
    for key in keys {
        let spec = specs.iter().find(|spec| spec.key == *key).expect("a metadata column");
        let logical_type = spec.logical_type.clone();
        table.metadata.push(MetadataColumn { key: (*key).into(), logical_type });
    }
    table
}

/// Opens a table for reading everything of it.
pub fn open(table: &TableDescriptor, context: &ConnectorContext) -> Result<Arc<dyn Source>, Error> {
    kafka::check(table).expect("a good table");
    let scan = ScanSpec {
        physical: Projection::all(table.physical.len()),
        metadata: (0..table.metadata.len()).collect(),
    };
    kafka::source(table, &scan, context)
}

/// The only reader of a table.
pub fn reader(table: &TableDescriptor, context: &ConnectorContext) -> Driver {
    reader_at(table, context, &[])
}

/// The only reader of a table, from positions.
pub fn reader_at(
    table: &TableDescriptor,
    context: &ConnectorContext,
    positions: &[SplitPosition],
) -> Driver {
    let source = open(table, context).expect("open");
    Driver::new(source.reader(SubtaskIndex(0), 1, positions).expect("start"), context)
}

/// Polls a reader as a slot does.
pub struct Driver {
    pub reader: Box<dyn SourceReader>,
    env: Env,
    pub batches: Vec<RecordBatch>,
    pub n_splits: usize,
    pub has_ended: bool,
}

impl Driver {
    pub fn new(reader: Box<dyn SourceReader>, context: &ConnectorContext) -> Driver {
        let env = context.env.clone();
        Driver { reader, env, batches: Vec::new(), n_splits: 0, has_ended: false }
    }

    /// Polls until `is_done`, or a minute has passed.
    pub fn poll_until(&mut self, is_done: impl Fn(&Driver) -> bool) -> Result<(), Error> {
        let begun = self.env.elapsed();
        while !self.has_ended && !is_done(self) {
            assert!(self.env.elapsed() - begun < PATIENCE, "waited too long: {:?}", self.ids());
            match self.reader.poll(1000, &[])? {
                SourcePoll::Batch(batch) => self.batches.push(batch.records),
                SourcePoll::SplitAdded { split, .. } => {
                    assert_eq!(split.0, self.n_splits);
                    self.n_splits += 1;
                }
                SourcePoll::SplitFinished(_) => {}
                SourcePoll::Empty => self.env.sleep(Duration::from_millis(2)),
                SourcePoll::End => self.has_ended = true,
            }
        }
        Ok(())
    }

    /// Polls until that many rows are there.
    pub fn poll_rows(&mut self, n_rows: usize) {
        self.poll_until(|driver| driver.n_rows() >= n_rows).expect("rows");
    }

    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The statuses of all splits.
    pub fn statuses(&self) -> Vec<argus_base::source::SplitStatus> {
        (0..self.n_splits).map(|i| self.reader.split_status(SplitIndex(i))).collect()
    }

    /// The column `id` of all rows, sorted.
    pub fn ids(&self) -> Vec<i64> {
        let columns = self.batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>());
        let mut ids: Vec<i64> = columns.flat_map(|column| column.values().to_vec()).collect();
        ids.sort_unstable();
        ids
    }
}

/// All ids that a bounded table has.
pub fn bounded_ids(table: &TableDescriptor) -> Vec<i64> {
    let mut driver = reader(table, &patient());
    driver.poll_until(|_| false).expect("read to the end");
    driver.ids()
}

/// The error of a table that cannot be read.
pub fn read_error(table: &TableDescriptor, context: &ConnectorContext) -> Error {
    let mut driver = reader(table, context);
    driver.poll_until(|_| false).expect_err("an error")
}

/// JSON bodies of rows with these ids.
pub fn bodies(ids: std::ops::Range<i64>) -> Vec<String> {
    ids.map(|id| format!("{{\"id\": {id}, \"name\": \"n{id}\"}}")).collect()
}

/// A batch of a table's rows.
pub fn batch(table: &TableDescriptor, columns: Vec<ArrayRef>) -> Batch {
    let scan = ScanSpec {
        physical: Projection::all(table.physical.len()),
        metadata: (0..table.metadata.len()).collect(),
    };
    let schema = argus_base::logical_type::arrow_schema(&scan.output(table));
    Batch::inserts(RecordBatch::try_new(schema, columns).expect("a batch"))
}

/// The only writer of a table.
pub fn writer(table: &TableDescriptor, context: &ConnectorContext) -> Box<dyn SinkWriter> {
    kafka::check(table).expect("a good table");
    let metadata: Vec<usize> = (0..table.metadata.len()).collect();
    let tables = [SinkTable { table, metadata: &metadata, unstable_key: None }];
    let sink = kafka::sinks(&tables, context).expect("open").sinks.remove(0);
    sink.writer(SubtaskIndex(0), 1).expect("start")
}

/// Waits until a writer says so.
pub fn wait_for(
    writer: &mut dyn SinkWriter,
    context: &ConnectorContext,
    wanted: SinkStatus,
) -> Result<(), Error> {
    let begun = context.env.elapsed();
    while writer.poll()? != wanted {
        assert!(context.env.elapsed() - begun < PATIENCE, "waited too long for {wanted:?}");
        context.env.sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Writes batches and ends.
pub fn write_all(
    table: &TableDescriptor,
    context: &ConnectorContext,
    batches: Vec<Batch>,
) -> Result<(), Error> {
    let mut writer = writer(table, context);
    for batch in batches {
        wait_for(&mut *writer, context, SinkStatus::Ready)?;
        writer.write(batch)?;
    }
    wait_for(&mut *writer, context, SinkStatus::Ready)?;
    writer.end_input()?;
    wait_for(&mut *writer, context, SinkStatus::Drained)
}
