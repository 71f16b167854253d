//! The connectors, with two differences: sources give few rows between two barriers, and what a
//! SELECT prints goes to a sink that shows rows when their epoch has been committed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner, Prepared};
use argus_base::connector::{
    ConnectorContext, ConnectorFactory, DeliveryPlan, ScanSpec, SinkCommitter, SinkMode, SinkSet,
    SinkTable, TableDescriptor,
};
use argus_base::id::{SplitIndex, SubtaskIndex};
use argus_base::sink::{Delivery, Sink, SinkWriter};
use argus_base::source::{Source, SourcePoll, SourceReader, SplitPosition, SplitStatus};
use argus_base::{Batch, Error, ErrorKind, Field, Result};
use argus_connectors::registry::Connectors;
use argus_plan::graph::{LengthPolicy, NotNullPolicy, SinkOperator};
use argus_plan::{JobGraph, Operator};

/// The `connector` of the sink that stands for the client.
const SHOWN: &str = "shown";
/// Batches of a reader that wait for a barrier; what comes after them comes as it likes.
const MAX_WAITING: usize = 150;

/// Opens tables for the lives of one job.
pub struct World {
    connectors: Connectors,
    /// Rows that a source gives between two barriers.
    n_rows: usize,
    shown: Arc<Mutex<Shown>>,
}

/// What has been committed to the sink that stands for the client.
#[derive(Default)]
pub struct Shown {
    last: Option<CommitRecord>,
    generation: u64,
    batches: Vec<Batch>,
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(n_rows: usize) -> World {
        World { connectors: Connectors::new(), n_rows, shown: Arc::default() }
    }

    /// Everything shown so far.
    pub fn shown(&self) -> Vec<Batch> {
        self.shown.lock().unwrap().batches.clone()
    }
}

/// Lets a job's rows go to the sink that shows what is committed; their columns, where it has
/// any.
pub fn show_collected(graph: &mut JobGraph) -> Option<Vec<Field>> {
    let node = graph.nodes.iter_mut().find(|node| node.operator == Operator::Collect)?;
    let table = TableDescriptor {
        name: SHOWN.to_owned(),
        options: BTreeMap::from([("connector".to_owned(), SHOWN.to_owned())]),
        physical: node.output.clone(),
        metadata: Vec::new(),
        primary_key: Vec::new(),
        partition_keys: Vec::new(),
    };
    node.operator = Operator::Sink(Box::new(SinkOperator {
        table,
        metadata: Vec::new(),
        not_null: NotNullPolicy::Error,
        not_null_columns: Vec::new(),
        length: LengthPolicy::Ignore,
        unstable_key: None,
        delivery: DeliveryPlan::default(),
        mode: SinkMode::Retract,
    }));
    Some(node.output.clone())
}

impl ConnectorFactory for World {
    fn source(
        &self,
        table: &TableDescriptor,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<Arc<dyn Source>> {
        let source = self.connectors.source(table, scan, context)?;
        Ok(Arc::new(Slow { source, n_rows: self.n_rows }))
    }

    fn sinks(&self, tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
        let is_shown = |table: &SinkTable<'_>| table.table.options["connector"] == SHOWN;
        if !tables.iter().any(is_shown) {
            return self.connectors.sinks(tables, context);
        }
        let committer = Box::new(ShownCommitter { shown: Arc::clone(&self.shown), generation: 0 });
        Ok(SinkSet {
            sinks: vec![Arc::new(ShownSink)],
            committers: vec![SinkCommitter { sinks: vec![0], committer, is_commit_point: false }],
        })
    }
}

struct ShownSink;

impl Sink for ShownSink {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn delivery(&self) -> Delivery {
        Delivery::Staged
    }

    fn writer(&self, _subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        Err(Error::bug("the engine keeps the rows of this sink"))
    }
}

struct ShownCommitter {
    shown: Arc<Mutex<Shown>>,
    generation: u64,
}

impl Committer for ShownCommitter {
    fn name(&self) -> &str {
        SHOWN
    }

    fn open(&mut self, owner: &Owner) -> Result<Option<CommitRecord>> {
        let mut shown = self.shown.lock().unwrap();
        self.generation = owner.generation.0;
        assert!(shown.generation < self.generation, "generations grow");
        shown.generation = self.generation;
        Ok(shown.last.clone())
    }

    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()> {
        let mut shown = self.shown.lock().unwrap();
        if shown.generation != self.generation {
            return Err(Error::new(ErrorKind::Fenced, "AR5206", "another life shows rows"));
        }
        let last = shown.last.as_ref();
        if let Some(last) = last {
            assert_eq!(last.incarnation, record.incarnation, "a life is of the job's incarnation");
        }
        let before = last.map(|last| last.checkpoint);
        for output in outputs.iter().filter(|output| before.is_none_or(|at| output.checkpoint > at))
        {
            let Prepared::Rows(rows) = &output.prepared else {
                return Err(Error::bug("a note instead of rows"));
            };
            for batch in rows.read()? {
                shown.batches.push(batch?);
            }
        }
        shown.last = Some(record.clone());
        Ok(())
    }
}

/// A source whose readers wait for a barrier after each batch.
struct Slow {
    source: Arc<dyn Source>,
    n_rows: usize,
}

impl Source for Slow {
    fn max_parallelism(&self) -> Option<usize> {
        self.source.max_parallelism()
    }

    fn is_bounded(&self) -> bool {
        self.source.is_bounded()
    }

    fn watermark_per_split(&self) -> bool {
        self.source.watermark_per_split()
    }

    fn reader(
        &self,
        subtask: SubtaskIndex,
        parallelism: usize,
        positions: &[SplitPosition],
    ) -> Result<Box<dyn SourceReader>> {
        let reader = self.source.reader(subtask, parallelism, positions)?;
        let is_waiting = AtomicBool::new(false);
        Ok(Box::new(SlowReader { reader, n_rows: self.n_rows, n_batches: 0, is_waiting }))
    }
}

struct SlowReader {
    reader: Box<dyn SourceReader>,
    n_rows: usize,
    n_batches: usize,
    /// A batch was given, and no barrier has asked for positions since.
    is_waiting: AtomicBool,
}

impl SourceReader for SlowReader {
    fn poll(&mut self, max_rows: usize, preferred: &[SplitIndex]) -> Result<SourcePoll> {
        if self.n_batches >= MAX_WAITING {
            return self.reader.poll(max_rows, preferred);
        }
        if self.is_waiting.load(Ordering::Relaxed) {
            return Ok(SourcePoll::Empty);
        }
        let found = self.reader.poll(self.n_rows.min(max_rows), preferred)?;
        if let SourcePoll::Batch(batch) = &found
            && batch.records.num_rows() > 0
        {
            self.n_batches += 1;
            self.is_waiting.store(true, Ordering::Relaxed);
        }
        Ok(found)
    }

    fn split_status(&self, split: SplitIndex) -> SplitStatus {
        self.reader.split_status(split)
    }

    fn is_ready(&self) -> bool {
        self.reader.is_ready()
    }

    fn positions(&self) -> Vec<SplitPosition> {
        self.is_waiting.store(false, Ordering::Relaxed);
        self.reader.positions()
    }

    fn checkpoint_completed(&mut self, positions: &[SplitPosition]) {
        self.reader.checkpoint_completed(positions);
    }
}
