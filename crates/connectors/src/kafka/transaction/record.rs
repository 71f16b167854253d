//! The commit record: an offset that the job's own group commits with each transaction.
//!
//! ```text
//! group      argus.<transactional-id-prefix>
//! partition  0 of the first topic, in declared order; also of each other topic
//! offset     the checkpoint
//! metadata   <incarnation>,<checkpoint>,<manifest hash>
//! ```
//!
//! Any topic that stays would do: so a script may gain, lose and move tables.

use std::time::Duration;

use argus_base::commit::{CommitRecord, Incarnation};
use argus_base::id::CheckpointId;
use argus_base::{Env, Error, Result};
use rdkafka::consumer::{Consumer, ConsumerGroupMetadata};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionListElem};
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::kafka::connection::Connection;
use crate::kafka::errors;
use crate::kafka::partition::KafkaConsumer;

/// How long one question may take before the state of the connection is looked at again.
const SLICE: Duration = Duration::from_secs(1);

/// Where a record is kept.
pub struct RecordPlace {
    /// The group.
    pub group: String,
    /// The topics, of which partition 0 is meant; at least one.
    pub topics: Vec<String>,
}

impl RecordPlace {
    /// The offsets that are committed with a transaction.
    pub fn offsets(&self, record: &CommitRecord) -> Result<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(self.topics.len());
        let offset = i64::try_from(record.checkpoint.0).map_err(|_| too_many())?;
        for topic in &self.topics {
            let added = list.add_partition_offset(topic, 0, ListOffset::Offset(offset));
            added.map_err(|error| Error::bug(error.to_string()))?;
            if let Some(mut element) = list.find_partition(topic, 0) {
                element.set_metadata(text(record));
            }
        }
        Ok(list)
    }

    /// Reads the records, waiting for transactions that are being ended; one attempt that ends
    /// when the time is up.
    pub fn read(
        &self,
        consumer: &KafkaConsumer,
        connection: &Connection,
        env: &Env,
        deadline: Duration,
    ) -> Result<Vec<CommitRecord>> {
        let what = format!("read the offsets of the group '{}'", self.group);
        loop {
            let reason = match self.committed(consumer) {
                Ok(list) => return self.records_of(&list),
                Err(error) => error,
            };
            if let Some(code) = reason.rdkafka_error_code()
                && let Some(error) = errors::refusal(code, &what, &errors::reason(&reason))
            {
                return Err(error);
            }
            // Errors of the connection come out here; nothing is assigned, so no message does.
            drop(consumer.poll(Duration::ZERO));
            if let Some(error) = connection.refusal(Duration::ZERO) {
                return Err(error.context(what));
            }
            if env.elapsed() >= deadline {
                return Err(errors::unreachable(errors::reason(&reason)).context(what));
            }
        }
    }

    /// Whether the brokers would tell the offsets if transactions that write to the group were
    /// committed or aborted: they tell them to a consumer that does not care. One attempt.
    pub fn is_undecided(&self, careless: &KafkaConsumer) -> bool {
        self.committed(careless).is_ok()
    }

    fn committed(&self, consumer: &KafkaConsumer) -> KafkaResult<TopicPartitionList> {
        let mut wanted = TopicPartitionList::with_capacity(self.topics.len());
        for topic in &self.topics {
            wanted.add_partition(topic, 0);
        }
        let list = consumer.committed_offsets(wanted, SLICE)?;
        list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
        Ok(list)
    }

    fn records_of(&self, list: &TopicPartitionList) -> Result<Vec<CommitRecord>> {
        let mut records = Vec::new();
        for element in list.elements() {
            let ListOffset::Offset(offset) = element.offset() else { continue };
            let record = parse(element.metadata());
            match record.filter(|record| i64::try_from(record.checkpoint.0) == Ok(offset)) {
                Some(record) => records.push(record),
                None => return Err(self.foreign(&element, offset)),
            }
        }
        Ok(records)
    }

    fn foreign(&self, element: &TopicPartitionListElem<'_>, offset: i64) -> Error {
        let (group, topic, metadata) = (&self.group, element.topic(), element.metadata());
        let message = format!(
            "the offset {offset} of the group '{group}' for topic '{topic}' partition 0 is no \
             commit record of a job: expected the metadata incarnation,checkpoint,hash, found \
             '{metadata}'; write another 'sink.transactional-id-prefix'"
        );
        Error::user(errors::FOREIGN_RECORD, message)
    }
}

/// The last of the records: that of the life a job carries on, where there is one.
pub fn last(records: Vec<CommitRecord>, incarnation: &Incarnation) -> Option<CommitRecord> {
    let rank = |record: &CommitRecord| (record.incarnation == *incarnation, record.checkpoint);
    records.into_iter().max_by_key(rank)
}

/// What a commit is made with: the group, as librdkafka wants it.
pub fn group_metadata(consumer: &KafkaConsumer) -> Result<ConsumerGroupMetadata> {
    consumer.group_metadata().ok_or_else(|| Error::bug("a consumer without group"))
}

/// The consumer of a group that is asked for its record. One that is careful waits until every
/// transaction that writes there is committed or aborted.
pub fn reading(config: &ClientConfig, group: &str, is_careful: bool) -> ClientConfig {
    let mut config = config.clone();
    config.set("group.id", group);
    config.set("isolation.level", if is_careful { "read_committed" } else { "read_uncommitted" });
    config.set("enable.auto.commit", "false");
    config
}

fn text(record: &CommitRecord) -> String {
    let CommitRecord { incarnation, checkpoint, manifest_hash } = record;
    format!("{incarnation},{},{manifest_hash}", checkpoint.0)
}

fn parse(text: &str) -> Option<CommitRecord> {
    let mut parts = text.split(',');
    let (incarnation, checkpoint, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if parts.next().is_some() || !is_hash {
        return None;
    }
    Some(CommitRecord {
        incarnation: Incarnation::parse(incarnation)?,
        checkpoint: CheckpointId(checkpoint.parse().ok()?),
        manifest_hash: hash.to_owned(),
    })
}

fn too_many() -> Error {
    Error::bug("more checkpoints than Kafka has offsets")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> RecordPlace {
        RecordPlace { group: "argus.x".into(), topics: vec!["t".into()] }
    }

    #[test]
    fn the_last_record_is_that_of_the_jobs_own_life() {
        let record = |incarnation, checkpoint| CommitRecord {
            incarnation: Incarnation::new(incarnation),
            checkpoint: CheckpointId(checkpoint),
            manifest_hash: "ab".into(),
        };
        let all = || vec![record(1, 100), record(2, 3), record(2, 5), record(2, 4)];
        assert_eq!(last(all(), &Incarnation::new(2)), Some(record(2, 5)));
        assert_eq!(last(all(), &Incarnation::new(3)), Some(record(1, 100)));
        assert_eq!(last(vec![], &Incarnation::new(3)), None);
    }

    #[test]
    fn records_survive_a_round_trip() {
        let record = CommitRecord {
            incarnation: Incarnation::new(7),
            checkpoint: CheckpointId(42),
            manifest_hash: "0123456789abcdef0123456789abcdef".into(),
        };
        let list = place().offsets(&record).unwrap();
        assert_eq!(place().records_of(&list).unwrap(), [record]);
        for foreign in ["", "x", "0000000000000007,43", "0000000000000007,42,xyz", "7,42,ab"] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let place = place();
        let mut list = TopicPartitionList::new();
        list.add_partition("t", 0);
        assert_eq!(place.records_of(&list).unwrap(), []);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("t", 0, ListOffset::Offset(5)).unwrap();
        assert_eq!(place.records_of(&list).unwrap_err().code(), errors::FOREIGN_RECORD);
    }
}
