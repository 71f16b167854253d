//! A job's side of exactly-once: committers, writers, epochs. It does by hand what the engine does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::{
    CommitRecord, EpochOutput, Generation, Incarnation, Owner, Prepared, StagedRows,
};
use argus_base::connector::{
    CheckpointContext, ConnectorContext, SinkSet, SinkTable, TableDescriptor,
};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{SinkStatus, SinkWriter};
use argus_base::{Batch, Error, ErrorKind};
use argus_connectors::kafka;
use arrow_array::{Int64Array, StringViewArray};

use crate::kafka_table::{batch, patient, wait_for};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The context of a job of that name that takes checkpoints.
pub fn checkpointed(name: &str) -> ConnectorContext {
    let mut context = patient();
    context.job_name = name.to_owned();
    context.settings = BTreeMap::from([("pipeline.name".to_owned(), name.to_owned())]);
    let (interval, timeout) = (Duration::from_secs(1), Duration::from_secs(600));
    context.checkpoints = Some(CheckpointContext { interval, timeout });
    context
}

/// The sinks of a job.
pub struct Job {
    pub context: ConnectorContext,
    pub tables: Vec<TableDescriptor>,
    pub set: SinkSet,
    pub incarnation: Incarnation,
}

impl Job {
    /// Opens nothing but the tables.
    pub fn new(name: &str, tables: &[TableDescriptor]) -> Result<Job, Error> {
        Job::with(checkpointed(name), tables)
    }

    /// The same in a context.
    pub fn with(context: ConnectorContext, tables: &[TableDescriptor]) -> Result<Job, Error> {
        let metadata: Vec<Vec<usize>> =
            tables.iter().map(|table| (0..table.metadata.len()).collect()).collect();
        let sinks: Vec<SinkTable<'_>> = tables
            .iter()
            .zip(&metadata)
            .map(|(table, metadata)| SinkTable { table, metadata, unstable_key: None })
            .collect();
        tables.iter().for_each(|table| kafka::check(table).expect("a good table"));
        let set = kafka::sinks(&sinks, &context)?;
        Ok(Job { context, tables: tables.to_vec(), set, incarnation: Incarnation::new(1) })
    }

    /// Opens a committer.
    pub fn open_one(&mut self, committer: usize) -> Result<Option<CommitRecord>, Error> {
        let (job, incarnation) = (self.context.job_name.clone(), self.incarnation.clone());
        let owner = Owner { job, incarnation, generation: Generation(1) };
        self.set.committers[committer].committer.open(&owner)
    }

    /// Opens the commit point, trying as long as that may help.
    pub fn open(&mut self) -> Option<CommitRecord> {
        let context = self.context.clone();
        insist(&context, || self.open_one(0)).expect("open the commit point")
    }

    /// A writer of a table.
    pub fn writer(&self, table: usize, subtask: usize) -> Box<dyn SinkWriter> {
        self.set.sinks[table].writer(SubtaskIndex(subtask), 2).expect("start a writer")
    }

    /// The record of a checkpoint of this job.
    pub fn record(&self, checkpoint: u64) -> CommitRecord {
        CommitRecord {
            incarnation: self.incarnation.clone(),
            checkpoint: CheckpointId(checkpoint),
            manifest_hash: format!("{checkpoint:032x}"),
        }
    }

    /// Commits at the commit point, as often as that may help.
    pub fn commit(&mut self, checkpoint: u64) -> Result<(), Error> {
        let (context, record) = (self.context.clone(), self.record(checkpoint));
        insist(&context, || self.set.committers[0].committer.commit(&record, &[]))
    }

    /// Rows with these ids.
    pub fn rows(&self, ids: std::ops::Range<i64>) -> Batch {
        rows(&self.tables[0], ids)
    }

    /// Hands rows to a writer.
    pub fn write(&self, writer: &mut dyn SinkWriter, ids: std::ops::Range<i64>) {
        wait_for(writer, &self.context, SinkStatus::Ready).expect("a writer that takes rows");
        writer.write(self.rows(ids)).expect("write");
    }

    /// Ends an epoch of a writer and waits until it is delivered.
    pub fn flush(&self, writer: &mut dyn SinkWriter, checkpoint: u64) -> Result<(), Error> {
        wait_for(writer, &self.context, SinkStatus::Ready)?;
        writer.flush(CheckpointId(checkpoint))?;
        let begun = self.context.env.elapsed();
        loop {
            writer.poll()?;
            if let Some(flushed) = writer.flushed() {
                assert_eq!(flushed.checkpoint, CheckpointId(checkpoint));
                return Ok(());
            }
            assert!(self.context.env.elapsed() - begun < PATIENCE, "waited too long");
            self.context.env.sleep(Duration::from_millis(1));
        }
    }

    /// Ends without any farewell, as a process that is killed: clients and all stay as they are.
    pub fn crash(self) {
        std::mem::forget(self);
    }
}

/// Rows of a table with these ids.
pub fn rows(table: &TableDescriptor, ids: std::ops::Range<i64>) -> Batch {
    let names: StringViewArray = ids.clone().map(|id| Some(format!("n{id}"))).collect();
    let ids: Int64Array = ids.collect();
    batch(table, vec![Arc::new(ids), Arc::new(names)])
}

/// Makes attempts until one gives something else than a transient error.
pub fn insist<T>(
    context: &ConnectorContext,
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let begun = context.env.elapsed();
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Transient => {
                assert!(context.env.elapsed() - begun < PATIENCE, "waited too long: {error}");
                context.env.sleep(Duration::from_millis(100));
            }
            other => return other,
        }
    }
}

/// Rows kept with a checkpoint.
struct Kept(Vec<Batch>);

impl StagedRows for Kept {
    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<Batch, Error>>>, Error> {
        Ok(Box::new(self.0.clone().into_iter().map(Ok)))
    }
}

/// What a checkpoint keeps of the first sink of a committer.
pub fn kept(checkpoint: u64, batches: Vec<Batch>) -> EpochOutput {
    EpochOutput {
        sink: 0,
        subtask: SubtaskIndex(0),
        checkpoint: CheckpointId(checkpoint),
        prepared: Prepared::Rows(Arc::new(Kept(batches))),
    }
}
