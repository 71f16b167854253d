//! A world without servers: sources that replay given batches, sinks that collect rows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use argus_base::connector::{
    ConnectorContext, ConnectorFactory, OnError, ScanSpec, SinkSet, SinkTable, TableDescriptor,
};
use argus_base::id::{CheckpointId, OperatorId, SplitIndex, SubtaskIndex};
use argus_base::metrics::Registry;
use argus_base::sink::{Flushed, Sink, SinkStatus, SinkWriter};
use argus_base::source::{
    Source, SourceBatch, SourcePoll, SourceReader, SplitLabel, SplitPosition, SplitStatus,
};
use argus_base::{Batch, Env, Field, LogicalType, Result, TypeRoot};
use argus_plan::graph::{ChangelogMode, Edge, Node, Partitioning};
use argus_plan::{JobGraph, JobSettings, NodeId, Operator};
use arrow_array::RecordBatch;

/// What each split of a source sends, in order.
pub type Script = Vec<RecordBatch>;

/// Sources by table name, and what all sinks got.
#[derive(Clone, Default)]
pub struct World {
    pub sources: BTreeMap<String, Vec<Script>>,
    /// Splits stay open after their script.
    pub is_endless: bool,
    pub written: Arc<Mutex<Vec<Batch>>>,
    /// The sink takes nothing while this is set.
    pub is_blocked: Arc<AtomicBool>,
    /// The sink panics when it gets rows.
    pub panics: bool,
}

impl ConnectorFactory for World {
    fn source(
        &self,
        table: &TableDescriptor,
        _scan: &ScanSpec,
        _context: &ConnectorContext,
    ) -> Result<Arc<dyn Source>> {
        let splits = self.sources[&table.name].clone();
        Ok(Arc::new(Replay { splits, is_endless: self.is_endless }))
    }

    fn sinks(&self, tables: &[SinkTable<'_>], _context: &ConnectorContext) -> Result<SinkSet> {
        let sink = |_: &SinkTable<'_>| -> Arc<dyn Sink> { Arc::new(self.clone()) };
        Ok(SinkSet { sinks: tables.iter().map(sink).collect(), committers: Vec::new() })
    }
}

impl Sink for World {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn writer(&self, _subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(Collector { world: self.clone(), is_ended: false, flushed: None }))
    }
}

struct Collector {
    world: World,
    is_ended: bool,
    flushed: Option<CheckpointId>,
}

impl SinkWriter for Collector {
    fn poll(&mut self) -> Result<SinkStatus> {
        if self.world.is_blocked.load(Ordering::Relaxed) {
            return Ok(SinkStatus::Blocked);
        }
        Ok(if self.is_ended { SinkStatus::Drained } else { SinkStatus::Ready })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        assert!(!self.world.panics, "this writer was told to");
        self.world.written.lock().unwrap().push(batch);
        Ok(())
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.flushed = Some(checkpoint);
        Ok(())
    }

    fn flushed(&mut self) -> Option<Flushed> {
        let checkpoint = self.flushed.take()?;
        Some(Flushed { checkpoint, prepared: Vec::new() })
    }

    fn end_input(&mut self) -> Result<()> {
        self.is_ended = true;
        Ok(())
    }
}

struct Replay {
    splits: Vec<Script>,
    is_endless: bool,
}

impl Source for Replay {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn is_bounded(&self) -> bool {
        !self.is_endless
    }

    fn watermark_per_split(&self) -> bool {
        true
    }

    fn reader(
        &self,
        subtask: SubtaskIndex,
        parallelism: usize,
        _positions: &[SplitPosition],
    ) -> Result<Box<dyn SourceReader>> {
        let own = self.splits.iter().enumerate().filter(|(i, _)| i % parallelism == subtask.0);
        let splits: Vec<(usize, std::collections::VecDeque<RecordBatch>)> =
            own.map(|(i, script)| (i, script.iter().cloned().collect())).collect();
        Ok(Box::new(ReplayReader {
            splits,
            n_announced: 0,
            n_finished: 0,
            next: 0,
            is_endless: self.is_endless,
        }))
    }
}

struct ReplayReader {
    splits: Vec<(usize, std::collections::VecDeque<RecordBatch>)>,
    n_announced: usize,
    n_finished: usize,
    next: usize,
    is_endless: bool,
}

impl SourceReader for ReplayReader {
    fn poll(&mut self, _max_rows: usize, _preferred: &[SplitIndex]) -> Result<SourcePoll> {
        if self.n_announced < self.splits.len() {
            let split = SplitIndex(self.n_announced);
            let partition = i32::try_from(self.splits[split.0].0).unwrap();
            self.n_announced += 1;
            let label = SplitLabel { topic: "replay".into(), partition };
            return Ok(SourcePoll::SplitAdded { split, label });
        }
        for step in 0..self.splits.len() {
            let index = (self.next + step) % self.splits.len();
            if let Some(records) = self.splits[index].1.pop_front() {
                self.next = index + 1;
                let batch = SourceBatch { split: SplitIndex(index), records, n_bytes: 0 };
                return Ok(SourcePoll::Batch(batch));
            }
        }
        if self.is_endless {
            return Ok(SourcePoll::Empty);
        }
        if self.n_finished < self.splits.len() {
            self.n_finished += 1;
            return Ok(SourcePoll::SplitFinished(SplitIndex(self.n_finished - 1)));
        }
        Ok(SourcePoll::End)
    }

    fn split_status(&self, split: SplitIndex) -> SplitStatus {
        let is_read = self.splits[split.0].1.is_empty();
        if is_read { SplitStatus::CaughtUp } else { SplitStatus::Unread { lag_records: 1 } }
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn positions(&self) -> Vec<SplitPosition> {
        Vec::new()
    }

    fn checkpoint_completed(&mut self, _positions: &[SplitPosition]) {}
}

/// A table of those columns.
pub fn table(name: &str, physical: Vec<Field>) -> TableDescriptor {
    TableDescriptor {
        name: name.to_owned(),
        options: BTreeMap::new(),
        physical,
        metadata: Vec::new(),
        primary_key: Vec::new(),
        partition_keys: Vec::new(),
    }
}

/// Columns `k` BIGINT, `ts` rowtime.
pub fn key_and_time() -> Vec<Field> {
    let rowtime = TypeRoot::Timestamp { precision: 3, kind: argus_base::TimeKind::Rowtime };
    vec![Field::new("k", TypeRoot::BigInt.not_null()), Field::new("ts", rowtime.not_null())]
}

/// A graph under construction.
pub struct Graph(pub JobGraph);

impl Graph {
    pub fn new(settings: &[(&str, &str)]) -> Graph {
        let written = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = JobSettings::check(&written, "test", "UTC").unwrap();
        Graph(JobGraph { settings, nodes: Vec::new() })
    }

    pub fn add(
        &mut self,
        operator: Operator,
        inputs: Vec<(NodeId, Partitioning)>,
        output: Vec<Field>,
        parallelism: usize,
    ) -> NodeId {
        let id = NodeId(self.0.nodes.len());
        let inputs = inputs.into_iter().map(|(from, partitioning)| Edge { from, partitioning });
        self.0.nodes.push(Node {
            operator,
            inputs: inputs.collect(),
            output,
            id: OperatorId(id.0 as u64),
            parallelism,
            changelog: ChangelogMode::Append,
        });
        id
    }
}

/// A column of the input as an expression.
pub fn column(index: usize, logical_type: &LogicalType) -> argus_plan::Expression {
    argus_plan::Expression::column(index, logical_type.clone())
}

/// What connectors get to know.
pub fn context() -> ConnectorContext {
    ConnectorContext {
        env: Env::system(),
        job_name: "test".to_owned(),
        time_zone: "UTC".to_owned(),
        connect_timeout: Duration::from_secs(1),
        on_source_error: OnError::Fail,
        on_sink_error: OnError::Fail,
        settings: BTreeMap::new(),
        metrics: Registry::default(),
        checkpoints: None,
        is_restart: false,
    }
}
