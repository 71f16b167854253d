//! The tables that a job writes: which of them are committed together, and what makes the writers.

use std::sync::{Arc, PoisonError};

use argus_base::connector::{ConnectorContext, SinkCommitter, SinkSet, SinkTable};
use argus_base::id::SubtaskIndex;
use argus_base::sink::{Delivery, Sink, SinkWriter};
use argus_base::{Error, Result};

use super::errors;
use super::options::Guarantee;
use super::table::WrittenTable;
use super::transaction::{
    Cluster, FollowerCommitter, Identities, PrimaryCommitter, SharedPair, TransactionWorker,
};
use super::writer::DirectWorker;
use crate::background::BackgroundWriter;

/// Opens the tables that a job writes. Tables of one cluster share its transactions; the cluster
/// that comes first is the job's commit point.
pub fn open(tables: &[SinkTable<'_>], context: &ConnectorContext) -> Result<SinkSet> {
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    let identities = Arc::default();
    let pair = SharedPair::default();
    for (index, table) in tables.iter().enumerate() {
        let name = &table.table.name;
        let opened = WrittenTable::new(table, context).and_then(|table| {
            let place = match prefix(&table)? {
                Some(prefix) => join(&mut groups, &table, prefix, &identities).place_of(index),
                None => Place::Direct,
            };
            Ok(KafkaSink { table, place, pair: Arc::clone(&pair) })
        });
        let opened = opened.map_err(|error| error.context(format!("open the table '{name}'")))?;
        sinks.push(Arc::new(opened));
    }
    let committers = groups.into_iter().map(|group| group.committer(&pair));
    Ok(SinkSet { sinks, committers: committers.collect::<Result<_>>()? })
}

/// The cluster of some tables, and their positions in the job.
struct Group {
    cluster: Cluster,
    sinks: Vec<usize>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At once.
    Direct,
    /// Into the transactions of the commit point.
    Primary,
    /// With the transactions of a cluster that follows.
    Follower,
}

/// What the transactional ids of a table begin with; `None` where it is not written exactly once.
fn prefix(table: &WrittenTable) -> Result<Option<String>> {
    let (options, context) = (&table.options, &table.context);
    let default = context.checkpoints.map(|_| Guarantee::ExactlyOnce);
    if options.guarantee.or(default) != Some(Guarantee::ExactlyOnce) {
        return Ok(None);
    }
    if context.checkpoints.is_none() {
        let problem = "'sink.delivery-guarantee' = 'exactly-once' needs checkpoints, and the job \
                       takes none: SET 'execution.checkpointing.dir', or write 'at-least-once'";
        return Err(Error::user(errors::NO_CHECKPOINTS, problem));
    }
    if let Some(prefix) = &options.transactional_id_prefix {
        return Ok(Some(prefix.clone()));
    }
    if !context.settings.contains_key("pipeline.name") {
        let name = &context.job_name;
        let problem = format!(
            "a table that is written exactly once needs a name that no other job has: SET \
             'pipeline.name', or write 'sink.transactional-id-prefix'; two teams' '{name}' would \
             fence each other"
        );
        return Err(Error::user(errors::NO_NAME, problem));
    }
    Ok(Some(context.job_name.clone()))
}

/// Adds a table to the group of its cluster.
fn join<'a>(
    groups: &'a mut Vec<Group>,
    table: &Arc<WrittenTable>,
    prefix: String,
    identities: &Arc<Identities>,
) -> &'a mut Group {
    let found = groups.iter().position(|group| group.cluster.takes(table, &prefix));
    let at = found.unwrap_or(groups.len());
    if found.is_some() {
        groups[at].cluster.add(table);
    } else {
        let cluster = Cluster::new(table, prefix, at, identities);
        groups.push(Group { cluster, sinks: Vec::new() });
    }
    &mut groups[at]
}

impl Group {
    /// Notes a table's position in the job.
    fn place_of(&mut self, index: usize) -> Place {
        self.sinks.push(index);
        if self.cluster.is_commit_point() { Place::Primary } else { Place::Follower }
    }

    fn committer(self, pair: &SharedPair) -> Result<SinkCommitter> {
        let Group { cluster, sinks } = self;
        let is_commit_point = cluster.is_commit_point();
        Ok(SinkCommitter {
            sinks,
            committer: if is_commit_point {
                Box::new(PrimaryCommitter::new(cluster, Arc::clone(pair)))
            } else {
                Box::new(FollowerCommitter::new(cluster)?)
            },
            is_commit_point,
        })
    }
}

/// A Kafka table that is written.
struct KafkaSink {
    table: Arc<WrittenTable>,
    place: Place,
    pair: SharedPair,
}

impl Sink for KafkaSink {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn delivery(&self) -> Delivery {
        match self.place {
            Place::Direct => Delivery::AtLeastOnce,
            Place::Primary => Delivery::TwoPhase,
            Place::Follower => Delivery::Staged,
        }
    }

    fn writer(&self, subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let table = Arc::clone(&self.table);
        let encoder = table.encoder()?;
        let writer = match self.place {
            Place::Direct => BackgroundWriter::start("kafka-writer", move |state| {
                DirectWorker::new(table, encoder, subtask, state)
            })?,
            Place::Primary => {
                let pair = self.pair.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let pair = pair.ok_or_else(|| Error::bug("a writer before its committer"))?;
                BackgroundWriter::start("kafka-writer", move |state| {
                    TransactionWorker::new(table, encoder, subtask, pair, state)
                })?
            }
            Place::Follower => return Err(Error::bug("a table that is staged has no writer")),
        };
        Ok(Box::new(writer))
    }
}
