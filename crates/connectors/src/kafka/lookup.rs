//! Questions to the brokers that block: which partitions there are, and which offset something
//! means. Asked on I/O threads only.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_base::{Env, Error};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::Offset as ListOffset;
use rdkafka::types::RDKafkaErrorCode;

use super::assign::TopicPartition;
use super::connection::Connection;
use super::errors;
use super::options::TopicSelection;
use super::partition::KafkaConsumer;
use super::startup::Offset;

/// How long one request may take before the state of the connection is looked at again.
const SLICE: Duration = Duration::from_secs(1);
/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a topic may be unknown before it is missing: a broker that has just come up, or that
/// has just been told of a topic, does not know all at once.
pub const MISSING_GRACE: Duration = Duration::from_secs(2);
/// Topics of Kafka's own, which no pattern means.
const INTERNAL_TOPICS: [&str; 3] =
    ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// Why a question has no answer.
pub enum Stop {
    /// Nobody waits for it any more.
    Abandoned,
    /// It cannot be answered.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// Offsets by partition; none where the broker has none.
pub type Offsets = BTreeMap<TopicPartition, Option<Offset>>;

/// Which offset of a partition is meant.
#[derive(Clone, Copy, Debug)]
pub enum OffsetQuery {
    /// The first that is kept.
    Beginning,
    /// Behind the last readable record.
    End,
    /// Of the first record of that time or later; the end where there is none.
    Timestamp(i64),
}

/// Asks until there is an answer, a refusal, or the time is up.
pub struct Lookup<'a> {
    /// The consumer that asks.
    pub consumer: &'a KafkaConsumer,
    /// What is known of its brokers.
    pub connection: &'a Connection,
    /// Time.
    pub env: &'a Env,
    /// When to give up, on the clock of [`Env::elapsed`].
    pub deadline: Duration,
    /// How long a topic may be unknown before it is missing.
    pub missing_grace: Duration,
    /// How long a refusal may last before it is final.
    pub refusal_grace: Duration,
    /// Set when nobody waits any more.
    pub abandoned: &'a dyn Fn() -> bool,
}

impl Lookup<'_> {
    /// The partitions of all wanted topics, in order.
    pub fn partitions(&self, topics: &TopicSelection) -> Result<Vec<TopicPartition>, Stop> {
        let mut partitions = Vec::new();
        match topics {
            TopicSelection::Names(names) => {
                for name in names {
                    partitions.extend(self.topic(name)?);
                }
            }
            TopicSelection::Pattern(pattern) => {
                let metadata =
                    self.ask("list the topics", |slice| self.consumer.fetch_metadata(None, slice))?;
                let wanted = metadata.topics().iter().filter(|topic| {
                    let is_internal = INTERNAL_TOPICS.contains(&topic.name());
                    !is_internal && pattern.is_match(topic.name()).unwrap_or(false)
                });
                partitions.extend(wanted.flat_map(splits_of));
            }
        }
        partitions.sort();
        Ok(partitions)
    }

    /// The partitions of one topic, at least one.
    fn topic(&self, name: &str) -> Result<Vec<TopicPartition>, Stop> {
        let doing = format!("look up the topic '{name}'");
        let mut missing_since = None;
        loop {
            let metadata =
                self.ask(&doing, |slice| self.consumer.fetch_metadata(Some(name), slice))?;
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            match topic.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from) {
                None => {
                    let partitions = topic.map(splits_of).unwrap_or_default();
                    if !partitions.is_empty() {
                        return Ok(partitions);
                    }
                }
                Some(RDKafkaErrorCode::LeaderNotAvailable) => {}
                Some(code) => {
                    let what = format!("the topic '{name}'");
                    if let Some(error) = errors::refusal(code, &what, &code.to_string()) {
                        return Err(error.into());
                    }
                    let now = self.env.elapsed();
                    let since = *missing_since.get_or_insert(now);
                    if now.saturating_sub(since) >= self.missing_grace {
                        return Err(missing_topic(name, self.connection).into());
                    }
                }
            }
            self.pause(&doing)?;
        }
    }

    /// The offset that `query` means in each partition.
    pub fn offsets(
        &self,
        partitions: &[TopicPartition],
        query: OffsetQuery,
    ) -> Result<Offsets, Stop> {
        if partitions.is_empty() {
            return Ok(Offsets::new());
        }
        let meant = match query {
            OffsetQuery::Beginning => ListOffset::Beginning,
            OffsetQuery::End => ListOffset::End,
            OffsetQuery::Timestamp(millis) => ListOffset::Offset(millis),
        };
        let found = self.ask("look up offsets", |slice| {
            let answer = self.consumer.offsets_for_times(list(partitions, meant)?, slice)?;
            offsets_of(&answer)
        })?;
        if !matches!(query, OffsetQuery::Timestamp(_)) {
            return Ok(found);
        }
        let is_open = |split: &&TopicPartition| found.get(split).copied().flatten().is_none();
        let open: Vec<TopicPartition> = partitions.iter().filter(is_open).cloned().collect();
        let mut all = self.offsets(&open, OffsetQuery::End)?;
        for (split, offset) in found {
            all.entry(split).or_insert(offset);
        }
        Ok(all)
    }

    /// The offset behind the last record, open transactions included.
    pub fn high_watermark(&self, split: &TopicPartition) -> Result<Offset, Stop> {
        let TopicPartition { topic, partition } = split;
        self.ask("look up offsets", |slice| {
            let (_, high) = self.consumer.fetch_watermarks(topic, *partition, slice)?;
            Ok(Offset(high))
        })
    }

    /// The committed offsets of the group.
    pub fn committed(&self, partitions: &[TopicPartition]) -> Result<Offsets, Stop> {
        if partitions.is_empty() {
            return Ok(Offsets::new());
        }
        self.ask("look up the offsets of the group", |slice| {
            let wanted = list(partitions, ListOffset::Invalid)?;
            offsets_of(&self.consumer.committed_offsets(wanted, slice)?)
        })
    }

    fn ask<T>(
        &self,
        doing: &str,
        mut attempt: impl FnMut(Duration) -> KafkaResult<T>,
    ) -> Result<T, Stop> {
        loop {
            match attempt(SLICE) {
                Ok(answer) => {
                    self.connection.on_answer();
                    return Ok(answer);
                }
                Err(error) => self.judge(doing, &error)?,
            }
            self.pause(doing)?;
        }
    }

    fn judge(&self, doing: &str, error: &KafkaError) -> Result<(), Stop> {
        let reason = errors::reason(error);
        tracing::debug!(servers = self.connection.servers(), reason, doing, "kafka lookup");
        let Some(code) = error.rdkafka_error_code() else {
            return Err(Error::user(errors::SETTINGS, reason).context(doing).into());
        };
        let refusal = errors::refusal(code, self.connection.servers(), &reason);
        refusal.map_or(Ok(()), |error| Err(error.context(doing).into()))
    }

    /// Waits for the next attempt, unless there is no use in one.
    fn pause(&self, doing: &str) -> Result<(), Stop> {
        // Serves librdkafka's callbacks. Every assigned partition has a queue of its own, so no
        // message comes out of this one; but a client of a group whose brokers are away says so
        // every 50 ms, for ever.
        let until = self.env.elapsed() + PAUSE;
        while self.env.elapsed() < until && self.consumer.poll(PAUSE).is_some() {}
        if (self.abandoned)() {
            return Err(Stop::Abandoned);
        }
        if let Some(error) = self.connection.refusal(self.refusal_grace) {
            return Err(error.context(doing).into());
        }
        if self.env.elapsed() >= self.deadline {
            let servers = self.connection.servers();
            let reason = self.connection.last_reason();
            let message = format!("no answer from the Kafka brokers {servers}: {reason}");
            return Err(errors::unreachable(message).context(doing).into());
        }
        Ok(())
    }
}

/// The error of a topic that is not there.
pub fn missing_topic(name: &str, connection: &Connection) -> Error {
    let servers = connection.servers();
    let message = format!("the topic '{name}' does not exist on the Kafka brokers {servers}");
    Error::user(errors::MISSING_TOPIC, message)
}

fn splits_of(topic: &MetadataTopic) -> Vec<TopicPartition> {
    let name = topic.name();
    let ids = topic.partitions().iter().map(MetadataPartition::id);
    ids.map(|partition| TopicPartition { topic: name.to_owned(), partition }).collect()
}

/// A list of partitions with the same offset each.
pub fn list(partitions: &[TopicPartition], offset: ListOffset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for split in partitions {
        list.add_partition_offset(&split.topic, split.partition, offset)?;
    }
    Ok(list)
}

fn offsets_of(list: &TopicPartitionList) -> KafkaResult<Offsets> {
    let mut offsets = Offsets::new();
    for element in list.elements() {
        element.error()?;
        let offset = match element.offset() {
            ListOffset::Offset(offset) => Some(Offset(offset)),
            _ => None,
        };
        let topic = element.topic().to_owned();
        offsets.insert(TopicPartition { topic, partition: element.partition() }, offset);
    }
    Ok(offsets)
}
