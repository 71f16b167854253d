//! Writes topics exactly once: the first cluster of a job is its commit point, others follow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::{CommitRecord, Committer, EpochOutput, Owner, Prepared};
use argus_base::connector::{ConnectorContext, SinkCommitter, SinkSet, SinkTable};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Delivery, Flushed, Sink, SinkStatus, SinkWriter};
use argus_base::{Batch, Error, ErrorKind, Result};
use argus_connectors::kafka::turns::{Epoch, Need, Slot};
use xxhash_rust::xxh3::xxh3_64;

use super::broker::{Message, Produced, Session};
use super::table::{RowEncoder, Table};
use super::transactions::{Cluster, Commit, Pair, PrimaryCommitter, SharedPair};
use crate::crew::WorkerId;
use crate::world::{Effect, World, lock};

/// Batches that wait for a writer.
const MAX_QUEUED: usize = 4;

/// Opens the topics that a job writes.
pub fn open(
    (world, worker): (&Arc<World>, WorkerId),
    tables: &[SinkTable<'_>],
    context: &ConnectorContext,
) -> Result<SinkSet> {
    let pair = SharedPair::default();
    let mut clusters: Vec<(Cluster, Vec<usize>, Vec<Arc<Topic>>)> = Vec::new();
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    for (index, SinkTable { table, .. }) in tables.iter().enumerate() {
        let table = Table::new(table)?;
        let servers = table.option("properties.bootstrap.servers")?.to_owned();
        let topic = table.option("topic")?.to_owned();
        let topic = Arc::new(Topic { table, topic, context: context.clone() });
        let known = clusters.iter().position(|(cluster, ..)| cluster.servers == servers);
        let at = known.unwrap_or(clusters.len());
        if known.is_none() {
            let prefix = context.job_name.clone();
            let cluster = Cluster { world: Arc::clone(world), worker, servers, prefix };
            clusters.push((cluster, Vec::new(), Vec::new()));
        }
        clusters[at].1.push(index);
        clusters[at].2.push(Arc::clone(&topic));
        sinks.push(Arc::new(KafkaSink { topic, pair: (at == 0).then(|| Arc::clone(&pair)) }));
    }
    let mut committers = Vec::new();
    for (at, (cluster, sinks, topics)) in clusters.into_iter().enumerate() {
        let is_commit_point = at == 0;
        let committer: Box<dyn Committer> = match is_commit_point {
            true => Box::new(PrimaryCommitter::new(cluster, Arc::clone(&pair))),
            false => Box::new(FollowerCommitter { cluster, topics, session: None }),
        };
        committers.push(SinkCommitter { sinks, committer, is_commit_point });
    }
    Ok(SinkSet { sinks, committers })
}

/// A topic that is written.
struct Topic {
    table: Table,
    topic: String,
    context: ConnectorContext,
}

impl Topic {
    /// The messages of a batch with their partitions, by key where there is one.
    fn messages(
        &self,
        encoder: &mut RowEncoder,
        batch: &Batch,
        n_partitions: usize,
    ) -> Result<Vec<(usize, Message)>> {
        let key_field = self.table.descriptor.options.get("key.fields");
        let texts = encoder.encode(batch)?;
        let message = |text: String| {
            let key = key_field.map(|field| field_of(&text, field).into_bytes());
            let hash = key.as_ref().map_or(0, |key| xxh3_64(key));
            let partition = usize::try_from(hash % n_partitions as u64).unwrap_or(0);
            (partition, Message { key, body: text.into_bytes() })
        };
        Ok(texts.into_iter().map(message).collect())
    }
}

/// A field of a JSON object as text.
fn field_of(text: &str, field: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    value.get(field).map(ToString::to_string).unwrap_or_default()
}

struct KafkaSink {
    topic: Arc<Topic>,
    /// At the commit point.
    pair: Option<SharedPair>,
}

impl Sink for KafkaSink {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn delivery(&self) -> Delivery {
        if self.pair.is_some() { Delivery::TwoPhase } else { Delivery::Staged }
    }

    fn writer(&self, subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let pair = self.pair.as_ref().and_then(|pair| lock(pair).clone());
        let pair = pair.ok_or_else(|| Error::bug("a writer before its committer is open"))?;
        let world = Arc::clone(&pair.cluster().world);
        let n_partitions = {
            let brokers = lock(&world.brokers);
            brokers.get(&pair.cluster().servers).map_or(1, |b| b.n_partitions(&self.topic.topic))
        };
        Ok(Box::new(KafkaWriter {
            max_waiting: world.draw(|dice| dice.pick(&[5, 100, 100_000])),
            name: format!("{}/{}", self.topic.topic, subtask.0),
            encoder: self.topic.table.encoder(&self.topic.context)?,
            topic: Arc::clone(&self.topic),
            pair,
            world,
            n_partitions: n_partitions.max(1),
            commands: VecDeque::new(),
            epoch: Epoch::FIRST,
            slot: None,
            waiting: VecDeque::new(),
            n_waiting: 0,
            sequence: 0,
            flushed: VecDeque::new(),
            next_try: Duration::ZERO,
            is_ended: false,
        }))
    }
}

enum Command {
    Write(Batch),
    Flush(CheckpointId),
}

/// What the writer's own thread would do is done when it is polled.
struct KafkaWriter {
    world: Arc<World>,
    pair: Arc<Pair>,
    topic: Arc<Topic>,
    name: String,
    encoder: RowEncoder,
    n_partitions: usize,
    commands: VecDeque<Command>,
    epoch: Epoch,
    slot: Option<Slot>,
    /// Rows of the epoch that are not sent.
    waiting: VecDeque<Vec<(usize, Message)>>,
    n_waiting: usize,
    /// So many rows may wait for their turn.
    max_waiting: usize,
    sequence: u64,
    flushed: VecDeque<Flushed>,
    next_try: Duration,
    is_ended: bool,
}

impl KafkaWriter {
    /// Takes one step; false where nothing can be done now.
    fn work(&mut self) -> Result<bool> {
        if self.world.time.passed() < self.next_try {
            return Ok(false);
        }
        let need = match self.commands.front() {
            Some(Command::Flush(_)) => Need::Ends,
            _ if self.n_waiting > self.max_waiting => Need::IsFull,
            _ => Need::CanWait,
        };
        if self.send_one(need)? {
            return Ok(true);
        }
        match self.commands.front() {
            Some(Command::Write(_)) => {
                let Some(Command::Write(batch)) = self.commands.pop_front() else {
                    return Ok(false);
                };
                let messages = self.topic.messages(&mut self.encoder, &batch, self.n_partitions)?;
                self.n_waiting += messages.len();
                self.waiting.push_back(messages);
                Ok(true)
            }
            Some(Command::Flush(checkpoint)) if self.waiting.is_empty() => {
                let checkpoint = *checkpoint;
                self.pair.end(self.epoch, checkpoint)?;
                self.commands.pop_front();
                self.flushed.push_back(Flushed { checkpoint, prepared: Vec::new() });
                (self.epoch, self.slot) = (Epoch::after(checkpoint), None);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Sends the first of what waits, if its turn has come.
    fn send_one(&mut self, need: Need) -> Result<bool> {
        let Some(messages) = self.waiting.front() else { return Ok(false) };
        if self.slot.is_none() {
            self.slot = self.pair.take(self.epoch, need)?;
        }
        let Some(slot) = self.slot else { return Ok(false) };
        let (topic, writer) = (self.topic.topic.clone(), self.name.clone());
        let (sequence, messages) = (self.sequence + 1, messages.clone());
        let n_messages = messages.len();
        let produced = Produced { topic, writer, sequence, messages };
        match self.pair.produce(slot, &produced) {
            Ok(()) => {
                self.sequence = sequence;
                self.n_waiting -= n_messages;
                self.waiting.pop_front();
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Transient => {
                let pause = self.world.draw(|dice| dice.between(1, 200));
                self.next_try = self.world.time.passed() + Duration::from_millis(pause);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

impl SinkWriter for KafkaWriter {
    fn poll(&mut self) -> Result<SinkStatus> {
        // The thread comes to do a few things between two polls, or none.
        let n_steps = self.world.draw(|dice| dice.below(4));
        for _ in 0..n_steps {
            if !self.work()? {
                break;
            }
        }
        if self.is_ended {
            let is_done = self.commands.is_empty() && self.waiting.is_empty();
            return Ok(if is_done { SinkStatus::Drained } else { SinkStatus::Blocked });
        }
        let is_full = self.commands.len() >= MAX_QUEUED;
        Ok(if is_full { SinkStatus::Blocked } else { SinkStatus::Ready })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.commands.push_back(Command::Write(batch));
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.world.time.passed() >= self.next_try
    }

    fn flush(&mut self, checkpoint: CheckpointId) -> Result<()> {
        self.commands.push_back(Command::Flush(checkpoint));
        Ok(())
    }

    fn flushed(&mut self) -> Option<Flushed> {
        self.flushed.pop_front()
    }

    fn end_input(&mut self) -> Result<()> {
        self.is_ended = true;
        Ok(())
    }
}

/// A cluster that follows: staged rows are written in one transaction, with a record of its own.
struct FollowerCommitter {
    cluster: Cluster,
    topics: Vec<Arc<Topic>>,
    session: Option<FollowerSession>,
}

struct FollowerSession {
    session: Session,
    committed: Option<CommitRecord>,
    under_way: Option<Commit>,
    sequence: u64,
}

impl FollowerCommitter {
    fn open_session(&self) -> Result<FollowerSession> {
        let session = self.cluster.initialize(0)?;
        let committed = self.cluster.read_record()?;
        Ok(FollowerSession { session, committed, under_way: None, sequence: 0 })
    }

    fn attempt(
        &self,
        session: &mut FollowerSession,
        record: &CommitRecord,
        outputs: &[EpochOutput],
    ) -> Result<()> {
        session.end(&self.cluster)?;
        let own = session.committed.as_ref();
        let own = own.filter(|had| had.incarnation == record.incarnation);
        let had = own.map(|had| had.checkpoint);
        if had >= Some(record.checkpoint) {
            return Ok(());
        }
        for output in outputs.iter().filter(|output| Some(output.checkpoint) > had) {
            let Prepared::Rows(rows) = &output.prepared else {
                return Err(Error::bug("a cluster was given a note"));
            };
            let topic = &self.topics[output.sink];
            let mut encoder = topic.table.encoder(&topic.context)?;
            for batch in rows.read()? {
                let messages = topic.messages(&mut encoder, &batch?, 1)?;
                session.sequence += 1;
                let (topic, writer) = (topic.topic.clone(), "follower".to_owned());
                let sequence = session.sequence;
                let produced = Produced { topic, writer, sequence, messages };
                let session = session.session.clone();
                self.cluster.call("produce", Effect::Writes, move |broker| {
                    broker.produce(&session, produced)
                })?;
            }
        }
        session.under_way = Some(Commit::new(record));
        session.end(&self.cluster)
    }
}

impl FollowerSession {
    fn end(&mut self, cluster: &Cluster) -> Result<()> {
        if let Some(commit) = &mut self.under_way {
            commit.advance(cluster, &self.session)?;
            self.committed = self.under_way.take().map(|commit| commit.record);
        }
        Ok(())
    }
}

impl Committer for FollowerCommitter {
    fn name(&self) -> &str {
        &self.cluster.servers
    }

    fn open(&mut self, _owner: &Owner) -> Result<Option<CommitRecord>> {
        self.session = None;
        let session = self.session.insert(self.open_session()?);
        Ok(session.committed.clone())
    }

    fn commit(&mut self, record: &CommitRecord, outputs: &[EpochOutput]) -> Result<()> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.open_session()?,
        };
        let Err(error) = self.attempt(&mut session, record, outputs) else {
            self.session = Some(session);
            return Ok(());
        };
        let is_fenced = error.kind() == ErrorKind::Fenced;
        let may_go_on = match session.under_way {
            Some(_) => true,
            None => {
                let producer = session.session.clone();
                let abort = move |broker: &mut super::broker::Broker| broker.abort(&producer);
                self.cluster.call("abort", Effect::Writes, abort).is_ok()
            }
        };
        if is_fenced || may_go_on {
            self.session = Some(session);
        }
        Err(error)
    }
}
