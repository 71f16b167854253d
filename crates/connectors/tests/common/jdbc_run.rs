//! One run of a job that takes checkpoints and writes one table: what the engine does with its
//! committer and writers.

use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::{
    CommitRecord, Committer, EpochOutput, Generation, Incarnation, Owner, Prepared, StagedRows,
};
use argus_base::connector::{
    CheckpointContext, ConnectorCatalog, ConnectorContext, ConnectorFactory, SinkTable,
    TableDescriptor,
};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Delivery, Sink, SinkWriter};
use argus_base::{Batch, Env, Error, Result};
use argus_connectors::registry::Connectors;

/// A run whose committer was opened.
pub struct Run {
    pub sink: Arc<dyn Sink>,
    pub committer: Box<dyn Committer>,
    pub found: Option<CommitRecord>,
    incarnation: Incarnation,
}

/// The context of a job that takes checkpoints.
pub fn checkpointed(mut context: ConnectorContext) -> ConnectorContext {
    let interval = Duration::from_secs(60);
    context.checkpoints = Some(CheckpointContext { interval, timeout: interval });
    context
}

/// Has tables with a primary key staged.
pub fn staged(context: ConnectorContext) -> ConnectorContext {
    let mut context = checkpointed(context);
    let setting = ("argus.jdbc.delivery-guarantee", "exactly-once");
    context.settings.insert(setting.0.to_owned(), setting.1.to_owned());
    context
}

/// Polls until the writer fails.
pub fn failure_of(writer: &mut dyn SinkWriter) -> Error {
    let clock = Env::system();
    while clock.elapsed() < Duration::from_secs(20) {
        if let Err(error) = writer.poll() {
            return error;
        }
        clock.sleep(Duration::from_millis(2));
    }
    panic!("the writer goes on");
}

pub fn owner(incarnation: u64, generation: u64) -> Owner {
    Owner {
        job: "job".to_owned(),
        incarnation: Incarnation::new(incarnation),
        generation: Generation(generation),
    }
}

impl Run {
    /// Opens the table, and its committer as that owner.
    pub fn open(table: &TableDescriptor, context: &ConnectorContext, owner: Owner) -> Result<Run> {
        let connectors = Connectors::new();
        connectors.check_table(table).expect("a good table");
        let tables = [SinkTable { table, metadata: &[], unstable_key: None }];
        let mut set = connectors.sinks(&tables, context)?;
        let mut opened = set.committers.pop().expect("a committer");
        assert_eq!((set.committers.len(), opened.sinks.as_slice()), (0, [0].as_slice()));
        assert!(!opened.is_commit_point);
        let found = opened.committer.open(&owner)?;
        let (sink, committer) = (set.sinks.remove(0), opened.committer);
        Ok(Run { sink, committer, found, incarnation: owner.incarnation })
    }

    pub fn delivery(&self) -> Delivery {
        self.sink.delivery()
    }

    pub fn writer(&self) -> Box<dyn SinkWriter> {
        self.sink.writer(SubtaskIndex(0), 1).expect("a writer")
    }

    /// Commits a checkpoint with these outputs; one attempt.
    pub fn commit(&mut self, checkpoint: u64, outputs: &[EpochOutput]) -> Result<()> {
        let record = CommitRecord {
            incarnation: self.incarnation.clone(),
            checkpoint: CheckpointId(checkpoint),
            manifest_hash: "0".repeat(32),
        };
        self.committer.commit(&record, outputs)
    }
}

/// What one writer staged in an epoch.
pub fn output(checkpoint: u64, batches: Vec<Batch>) -> EpochOutput {
    EpochOutput {
        sink: 0,
        subtask: SubtaskIndex(0),
        checkpoint: CheckpointId(checkpoint),
        prepared: Prepared::Rows(Arc::new(Staged(batches))),
    }
}

struct Staged(Vec<Batch>);

impl StagedRows for Staged {
    fn read(&self) -> Result<Box<dyn Iterator<Item = Result<Batch>>>> {
        Ok(Box::new(self.0.clone().into_iter().map(Ok)))
    }
}
