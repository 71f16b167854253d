//! The I/O thread of a reader: connects, decides where each partition begins, hands the reader
//! one librdkafka queue a partition, and from then on serves callbacks, looks for new partitions
//! and judges what went wrong.
//!
//! Fetched messages do not pass through this thread: librdkafka's own threads fill the queues,
//! the slot empties them. Bounds, for each reader: messages wait in librdkafka's queues up to
//! [`QUEUED_BYTES`] or [`QUEUED_MESSAGES`] in all, whichever comes first, but each partition may
//! hold [`LEAST_QUEUED_BYTES`], and each exceeds its share by at most one fetched response of
//! `max.partition.fetch.bytes` (1 MiB before decompression).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::id::SubtaskIndex;
use argus_base::source::SplitPosition;
use argus_base::{Env, Error};
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset as ListOffset;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, TopicPartitionList};

use super::assign::TopicPartition;
use super::begin::{self, PlannedSplit};
use super::connection::{Connection, PROBE_INTERVAL};
use super::errors;
use super::lookup::{self, Lookup, MISSING_GRACE, Stop};
use super::options::{SourceOptions, TopicSelection};
use super::partition::{KafkaConsumer, PartitionState, PartitionStates, ReaderContext};
use super::position::{RestoredRanges, next_records};
use super::startup::{BoundedMode, Offset, OffsetReset, StartupMode};

/// Bytes of messages that wait in librdkafka's queues, all partitions of a reader together.
pub const QUEUED_BYTES: usize = 64 << 20;
/// Messages that wait in librdkafka's queues, all partitions of a reader together. Each costs
/// librdkafka about 300 bytes besides its body.
pub const QUEUED_MESSAGES: usize = 60_000;
/// What each partition may hold, however many there are.
pub const LEAST_QUEUED_BYTES: usize = 1 << 20;
const LEAST_QUEUED_MESSAGES: usize = 2_000;
/// How long a partition with a full queue waits before it is fetched again. librdkafka's own
/// second would empty the queue of a fast reader ten times over.
const QUEUE_BACKOFF_MS: usize = 2;
/// How long a broker may wait for news. A consumer has one fetch under way for each broker: as
/// long as one for partitions without news waits, those whose queues have run empty wait too.
const FETCH_WAIT_MS: u64 = 25;
/// The longest such wait a script can choose; a broker silent for longer counts as away.
const MAX_FETCH_WAIT_MS: u64 = 3_000;
/// How long one round of the thread's work waits for a callback.
const ROUND: Duration = Duration::from_millis(100);
/// How long a topic must stay unknown in a running job before it counts as deleted.
const DELETED_GRACE: Duration = Duration::from_secs(5);

/// How long a running job waits for an answer before it goes on and asks again later.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// What the fetcher tells its reader.
pub enum FetchEvent {
    /// A partition to read from now on.
    Assigned(Box<AssignedSplit>),
    /// All partitions of the start have been told.
    Started,
    /// Nothing more will come.
    Failed(Error),
}

/// A partition and its queue.
pub struct AssignedSplit {
    /// Where to read it.
    pub plan: PlannedSplit,
    /// What is known of it.
    pub state: Arc<PartitionState>,
    /// Its messages; none where there is nothing to read.
    pub queue: Option<PartitionQueue<ReaderContext>>,
}

/// What a fetcher needs to know.
pub struct Fetcher {
    /// The table's options.
    pub options: SourceOptions,
    /// The consumer group, written or made up.
    pub group_id: String,
    /// Which subtask this is, of how many.
    pub subtask: SubtaskIndex,
    /// Number of subtasks.
    pub parallelism: usize,
    /// Positions of a checkpoint, of all subtasks; `None` at a fresh start.
    pub restored: Option<RestoredRanges>,
    /// Time.
    pub env: Env,
    /// How long to wait for brokers at the start.
    pub connect_timeout: Duration,
    /// How long they may refuse us at the start before that is final.
    pub refusal_grace: Duration,
    /// What is known of the brokers; shared with the reader.
    pub connection: Arc<Connection>,
    /// Set when the reader is dropped.
    pub abandoned: Arc<AtomicBool>,
    /// Where to tell it.
    pub events: SyncSender<FetchEvent>,
    /// What the last completed checkpoint holds; shared with the reader.
    pub completed: Arc<Completed>,
}

/// Positions of the last completed checkpoint, on their way to the group; a later one takes the
/// place of one that nobody has published.
#[derive(Default)]
pub struct Completed {
    positions: Mutex<Option<Vec<SplitPosition>>>,
}

impl Completed {
    /// Hands positions over.
    pub fn set(&self, positions: &[SplitPosition]) {
        *self.positions.lock().unwrap_or_else(PoisonError::into_inner) = Some(positions.to_vec());
    }

    fn take(&self) -> Option<Vec<SplitPosition>> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Fetcher {
    /// Runs until the reader is dropped or something final happens, which the reader is told.
    pub fn run(self) {
        // Closing a client of a group can take long while no broker answers: the reader is told
        // before these are dropped.
        let mut clients = Vec::new();
        if let Err(Stop::Failed(error)) = self.start_and_serve(&mut clients) {
            // A reader that is gone needs no reason.
            let _gone = self.tell(FetchEvent::Failed(error));
        }
    }

    fn start_and_serve(&self, clients: &mut Vec<Arc<KafkaConsumer>>) -> Result<(), Stop> {
        let plan = self.plan(clients)?;
        clients.clear();
        let partitions = Arc::new(PartitionStates::default());
        let consumer = Arc::new(self.consumer(&self.config(plan.len()), &partitions)?);
        clients.push(Arc::clone(&consumer));
        let mut known: BTreeSet<TopicPartition> = BTreeSet::new();
        known.extend(plan.iter().map(|planned| planned.split.clone()));
        self.assign(&consumer, &partitions, plan)?;
        self.tell(FetchEvent::Started)?;
        self.serve(&consumer, &partitions, known)
    }

    /// Connects and decides where to begin, with a client of its own: how much each partition
    /// may queue is a setting, and their number is not known before.
    fn plan(&self, clients: &mut Vec<Arc<KafkaConsumer>>) -> Result<Vec<PlannedSplit>, Stop> {
        let mut config = self.config(1);
        if !self.asks_group() {
            // Leaving a group takes time, even one that was never joined.
            config.remove("group.id");
        }
        let consumer = Arc::new(self.consumer(&config, &Arc::default())?);
        clients.push(Arc::clone(&consumer));
        let deadline = self.env.elapsed() + self.connect_timeout;
        let is_abandoned = || self.is_abandoned();
        let lookup = self.lookup(&consumer, deadline, &is_abandoned);
        let lookup = Lookup { refusal_grace: self.refusal_grace, ..lookup };
        let partitions = self.owned(lookup.partitions(&self.options.topics)?);
        match &self.restored {
            None => begin::fresh(&lookup, &self.options, &partitions),
            Some(ranges) => begin::restored(&lookup, &self.options, &partitions, ranges),
        }
    }

    fn owned(&self, mut partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
        partitions.retain(|split| split.owner(self.parallelism) == self.subtask);
        partitions
    }

    fn lookup<'a>(
        &'a self,
        consumer: &'a KafkaConsumer,
        deadline: Duration,
        abandoned: &'a dyn Fn() -> bool,
    ) -> Lookup<'a> {
        let (connection, env) = (&*self.connection, &self.env);
        let (missing_grace, refusal_grace) = (MISSING_GRACE, Duration::ZERO);
        Lookup { consumer, connection, env, deadline, missing_grace, refusal_grace, abandoned }
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Whether committed offsets are asked for.
    fn asks_group(&self) -> bool {
        let startup = &self.options.startup;
        matches!(startup, StartupMode::GroupOffsets | StartupMode::SpecificOffsets(_))
            || self.options.bounded == BoundedMode::GroupOffsets
    }

    fn consumer(
        &self,
        config: &ClientConfig,
        partitions: &Arc<PartitionStates>,
    ) -> Result<KafkaConsumer, Stop> {
        let context = ReaderContext {
            connection: Arc::clone(&self.connection),
            partitions: Arc::clone(partitions),
            read_uncommitted: self.options.read_uncommitted,
        };
        let made = config.create_with_context(context);
        made.map_err(|error| errors::bad_settings(&error, config).into())
    }

    fn config(&self, n_partitions: usize) -> ClientConfig {
        let n_partitions = n_partitions.max(1);
        let n_bytes = (QUEUED_BYTES / n_partitions).max(LEAST_QUEUED_BYTES);
        let n_messages = (QUEUED_MESSAGES / n_partitions).max(LEAST_QUEUED_MESSAGES);
        let reset = match self.options.reset {
            OffsetReset::Earliest => "earliest",
            OffsetReset::Latest => "latest",
            OffsetReset::None => "error",
        };
        let mut config = self.options.client.config(&[
            ("queued.max.messages.kbytes", (n_bytes / 1024).to_string()),
            ("queued.min.messages", n_messages.to_string()),
            ("fetch.queue.backoff.ms", QUEUE_BACKOFF_MS.to_string()),
            ("fetch.wait.max.ms", FETCH_WAIT_MS.to_string()),
            ("fetch.error.backoff.ms", "100".to_owned()),
            ("socket.timeout.ms", "30000".to_owned()),
            // Partitions are fetched only once they are known; one that is unknown later is gone.
            ("topic.metadata.propagation.max.ms", "1000".to_owned()),
            // Brokers limit the size of what they keep; a second limit here would only stall.
            ("receive.message.max.bytes", "2000000000".to_owned()),
        ]);
        let fetch_wait = config.get("fetch.wait.max.ms").and_then(|wait| wait.parse().ok());
        if fetch_wait.is_some_and(|wait: u64| wait > MAX_FETCH_WAIT_MS) {
            config.set("fetch.wait.max.ms", MAX_FETCH_WAIT_MS.to_string());
        }
        config.set("group.id", &self.group_id);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("enable.partition.eof", "true");
        config.set("auto.offset.reset", reset);
        config
    }

    /// Hands partitions to the reader and begins to fetch them.
    fn assign(
        &self,
        consumer: &Arc<KafkaConsumer>,
        partitions: &PartitionStates,
        plan: Vec<PlannedSplit>,
    ) -> Result<(), Stop> {
        let mut assignment = TopicPartitionList::new();
        let mut assigned = Vec::new();
        for plan in plan {
            let state = PartitionState::new(plan.end);
            let is_empty = plan.range.stop.is_some_and(|stop| plan.range.start >= stop);
            let mut queue = None;
            if !is_empty {
                queue = Some(open_queue(consumer, &plan.split, &state)?);
                let TopicPartition { topic, partition } = &plan.split;
                let start = ListOffset::Offset(plan.range.start.0);
                assignment
                    .add_partition_offset(topic, *partition, start)
                    .map_err(|error| consumption(&error))?;
                partitions.insert(plan.split.clone(), Arc::clone(&state));
            }
            assigned.push(AssignedSplit { plan, state, queue });
        }
        for split in assigned {
            self.tell(FetchEvent::Assigned(Box::new(split)))?;
        }
        if assignment.count() > 0 {
            consumer.incremental_assign(&assignment).map_err(|error| consumption(&error))?;
        }
        Ok(())
    }

    fn serve(
        &self,
        consumer: &Arc<KafkaConsumer>,
        partitions: &PartitionStates,
        mut known: BTreeSet<TopicPartition>,
    ) -> Result<(), Stop> {
        let mut finished = BTreeSet::new();
        let mut suspect_since = None;
        let interval = self.discovery_interval();
        let mut next_discovery = interval.map(|interval| self.env.elapsed() + interval);
        let mut next_probe = Duration::ZERO;
        while !self.is_abandoned() {
            // Every partition has a queue of its own, so only errors come out of this one.
            if let Some(Err(error)) = consumer.poll(ROUND) {
                judge(&error)?;
            }
            if let Some(error) = self.connection.lasting_refusal() {
                return Err(error.into());
            }
            stop_finished(consumer, partitions, &mut finished)?;
            suspect_since = self.check_suspects(consumer, partitions, suspect_since)?;
            let now = self.env.elapsed();
            if self.connection.is_away() && now >= next_probe {
                let topic = known.first().map(|split| split.topic.as_str());
                self.connection.probe(consumer.client(), topic);
                next_probe = now + PROBE_INTERVAL;
            }
            if next_discovery.is_some_and(|next| now >= next) {
                self.discover(consumer, partitions, &mut known)?;
                next_discovery = interval.map(|interval| now + interval);
            }
            self.publish(consumer);
        }
        self.publish(consumer);
        Err(Stop::Abandoned)
    }

    /// Commits the offsets of a completed checkpoint to the group, where monitoring finds them.
    /// Nothing waits for it, and nothing is read back from there.
    fn publish(&self, consumer: &KafkaConsumer) {
        let Some(positions) = self.completed.take() else { return };
        let mut list = TopicPartitionList::new();
        for (TopicPartition { topic, partition }, Offset(next)) in next_records(&positions) {
            if let Err(error) =
                list.add_partition_offset(&topic, partition, ListOffset::Offset(next))
            {
                tracing::debug!(topic, partition, %error, "kafka offset not published");
            }
        }
        if list.count() == 0 {
            return;
        }
        if let Err(error) = consumer.commit(&list, CommitMode::Async) {
            let reason = errors::reason(&error);
            tracing::debug!(group = self.group_id, reason, "kafka offsets not published");
        }
    }

    /// A bounded job keeps to the partitions it began with, as Flink's does.
    fn discovery_interval(&self) -> Option<Duration> {
        let is_bounded = self.options.bounded != BoundedMode::Unbounded;
        self.options.discovery_interval.filter(|_| !is_bounded)
    }

    /// Looks once for new partitions; a broker that is away is asked again next time.
    fn discover(
        &self,
        consumer: &Arc<KafkaConsumer>,
        partitions: &PartitionStates,
        known: &mut BTreeSet<TopicPartition>,
    ) -> Result<(), Stop> {
        let is_abandoned = || self.is_abandoned();
        let deadline = self.env.elapsed() + LOOKUP_TIMEOUT;
        let lookup = self.lookup(consumer, deadline, &is_abandoned);
        let plan = lookup.partitions(&self.options.topics).and_then(|found| {
            let mut added = self.owned(found);
            added.retain(|split| !known.contains(split));
            begin::added(&lookup, &self.options, &added)
        });
        let plan = match plan {
            Ok(plan) => plan,
            Err(Stop::Failed(error)) if errors::may_pass(&error) => return Ok(()),
            Err(stop) => return Err(stop),
        };
        for planned in &plan {
            let TopicPartition { topic, partition } = &planned.split;
            tracing::info!(topic, partition, "kafka partition found");
            known.insert(planned.split.clone());
        }
        self.assign(consumer, partitions, plan)
    }

    /// Asks about topics of which a fetch said that they are gone; returns since when they are.
    fn check_suspects(
        &self,
        consumer: &KafkaConsumer,
        partitions: &PartitionStates,
        since: Option<Duration>,
    ) -> Result<Option<Duration>, Stop> {
        let suspects = partitions.select(|state| state.is_suspect.load(Ordering::Acquire));
        if suspects.is_empty() {
            return Ok(None);
        }
        let now = self.env.elapsed();
        let since = since.unwrap_or(now);
        let topics: BTreeSet<String> = suspects.into_iter().map(|split| split.topic).collect();
        let names = TopicSelection::Names(topics.into_iter().collect());
        let is_abandoned = || self.is_abandoned();
        let lookup = self.lookup(consumer, now + LOOKUP_TIMEOUT, &is_abandoned);
        match lookup.partitions(&names) {
            Ok(_) => {
                partitions.clear_suspects();
                Ok(None)
            }
            Err(Stop::Failed(error)) => {
                let is_gone = !errors::may_pass(&error);
                let has_lasted = now.saturating_sub(since) >= DELETED_GRACE;
                if is_gone && has_lasted { Err(error.into()) } else { Ok(Some(since)) }
            }
            Err(stop) => Err(stop),
        }
    }

    /// Waits while the reader has not taken earlier events.
    fn tell(&self, event: FetchEvent) -> Result<(), Stop> {
        let mut event = event;
        loop {
            match self.events.try_send(event) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Stop::Abandoned),
                Err(TrySendError::Full(back)) => event = back,
            }
            if self.is_abandoned() {
                return Err(Stop::Abandoned);
            }
            self.env.sleep(Duration::from_millis(5));
        }
    }
}

fn open_queue(
    consumer: &Arc<KafkaConsumer>,
    split: &TopicPartition,
    state: &Arc<PartitionState>,
) -> Result<PartitionQueue<ReaderContext>, Error> {
    let queue = consumer.split_partition_queue(&split.topic, split.partition);
    let mut queue = queue.ok_or_else(|| {
        Error::bug(format!("no queue for {}, which the brokers listed", split.split_name()))
    })?;
    let state = Arc::clone(state);
    queue.set_nonempty_callback(move || state.has_news.store(true, Ordering::Release));
    Ok(queue)
}

/// Stops to fetch what the reader has read to its end.
fn stop_finished(
    consumer: &KafkaConsumer,
    partitions: &PartitionStates,
    finished: &mut BTreeSet<TopicPartition>,
) -> Result<(), Stop> {
    let mut ended = partitions.select(|state| state.is_finished.load(Ordering::Acquire));
    ended.retain(|split| finished.insert(split.clone()));
    if ended.is_empty() {
        return Ok(());
    }
    let list = lookup::list(&ended, ListOffset::Invalid).map_err(|error| consumption(&error))?;
    consumer.incremental_unassign(&list).map_err(|error| consumption(&error).into())
}

/// Whether an error outside the partitions' queues is final.
fn judge(error: &KafkaError) -> Result<(), Stop> {
    let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
    if is_fatal || error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
        return Err(consumption(error).into());
    }
    tracing::debug!(reason = errors::reason(error), "kafka consumer");
    Ok(())
}

/// The error of a consumer that cannot go on.
pub fn consumption(error: &KafkaError) -> Error {
    let reason = errors::reason(error);
    Error::transient(errors::CONSUMPTION, format!("cannot read from Kafka any more: {reason}"))
}
