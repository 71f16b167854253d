//! The commit record: one offset that the job's own group commits with each transaction.
//!
//! ```text
//! group      argus.<transactional-id-prefix>
//! partition  0 of the first topic, in declared order
//! offset     the checkpoint
//! metadata   <incarnation>,<checkpoint>,<manifest hash>
//! ```

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
    /// The topic, of which partition 0 is meant.
    pub topic: String,
}

impl RecordPlace {
    /// The offset that is committed with a transaction.
    pub fn offsets(&self, record: &CommitRecord) -> Result<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(1);
        let offset = i64::try_from(record.checkpoint.0).map_err(|_| too_many())?;
        let added = list.add_partition_offset(&self.topic, 0, ListOffset::Offset(offset));
        added.map_err(|error| Error::bug(error.to_string()))?;
        if let Some(mut element) = list.find_partition(&self.topic, 0) {
            element.set_metadata(text(record));
        }
        Ok(list)
    }

    /// Reads the record, waiting for transactions that are being ended; one attempt that ends
    /// when the time is up.
    pub fn read(
        &self,
        consumer: &KafkaConsumer,
        connection: &Connection,
        env: &Env,
        deadline: Duration,
    ) -> Result<Option<CommitRecord>> {
        let what = format!("read the offsets of the group '{}'", self.group);
        loop {
            let reason = match self.committed(consumer) {
                Ok(list) => return self.record_of(&list),
                Err(error) => error,
            };
            if let Some(code) = reason.rdkafka_error_code()
                && let Some(error) = errors::refusal(code, &what, &errors::reason(&reason))
            {
                return Err(error);
            }
            // Errors of the connection come out here; nothing is assigned, so no message does.
            drop(consumer.poll(Duration::ZERO));
            if let Some(error) = connection.refusal() {
                return Err(error.context(what));
            }
            if env.elapsed() >= deadline {
                return Err(errors::unreachable(errors::reason(&reason)).context(what));
            }
        }
    }

    fn committed(&self, consumer: &KafkaConsumer) -> KafkaResult<TopicPartitionList> {
        let mut wanted = TopicPartitionList::with_capacity(1);
        wanted.add_partition(&self.topic, 0);
        let list = consumer.committed_offsets(wanted, SLICE)?;
        list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
        Ok(list)
    }

    fn record_of(&self, list: &TopicPartitionList) -> Result<Option<CommitRecord>> {
        let elements = list.elements();
        let Some(element) = elements.first() else { return Ok(None) };
        let ListOffset::Offset(offset) = element.offset() else { return Ok(None) };
        let record = parse(element.metadata());
        match record.filter(|record| i64::try_from(record.checkpoint.0) == Ok(offset)) {
            Some(record) => Ok(Some(record)),
            None => Err(self.foreign(offset, element.metadata())),
        }
    }

    fn foreign(&self, offset: i64, metadata: &str) -> Error {
        let RecordPlace { group, topic } = self;
        let message = format!(
            "the offset {offset} of the group '{group}' for topic '{topic}' partition 0 is no \
             commit record of a job: expected the metadata incarnation,checkpoint,hash, found \
             '{metadata}'; write another 'sink.transactional-id-prefix'"
        );
        Error::user(errors::FOREIGN_RECORD, message)
    }
}

/// What a commit is made with: the group, as librdkafka wants it.
pub fn group_metadata(consumer: &KafkaConsumer) -> Result<ConsumerGroupMetadata> {
    consumer.group_metadata().ok_or_else(|| Error::bug("a consumer without group"))
}

/// The consumer of a group that is asked for its record: it sees nothing that is not committed.
pub fn reading(config: &ClientConfig, group: &str) -> ClientConfig {
    let mut config = config.clone();
    config.set("group.id", group);
    config.set("isolation.level", "read_committed");
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

    #[test]
    fn records_survive_a_round_trip() {
        let record = CommitRecord {
            incarnation: Incarnation::new(7),
            checkpoint: CheckpointId(42),
            manifest_hash: "0123456789abcdef0123456789abcdef".into(),
        };
        let place = RecordPlace { group: "argus.x".into(), topic: "t".into() };
        let list = place.offsets(&record).unwrap();
        assert_eq!(place.record_of(&list).unwrap(), Some(record));
        for foreign in ["", "x", "0000000000000007,43", "0000000000000007,42,xyz", "7,42,ab"] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let place = RecordPlace { group: "argus.x".into(), topic: "t".into() };
        let mut list = TopicPartitionList::new();
        list.add_partition("t", 0);
        assert_eq!(place.record_of(&list).unwrap(), None);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("t", 0, ListOffset::Offset(5)).unwrap();
        assert_eq!(place.record_of(&list).unwrap_err().code(), errors::FOREIGN_RECORD);
    }
}
