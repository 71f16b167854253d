//! What is known of one assigned partition without asking a broker. Fed by librdkafka's
//! statistics and queue callbacks, read by the slot that polls the partition.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::{Partition, Statistics};
use rdkafka::{ClientContext, TopicPartitionList};

use super::assign::TopicPartition;
use super::connection::{self, Connection, answers};
use super::errors;
use super::startup::Offset;

/// Facts about one partition.
pub struct PartitionState {
    /// Whether librdkafka's queue of the partition has become non-empty since it was last found
    /// empty. Set by librdkafka, cleared by the reader before it polls.
    pub has_news: AtomicBool,
    /// Whether the reader needs nothing more of it.
    pub is_finished: AtomicBool,
    /// Whether a fetch said that the topic or partition is not there.
    pub is_suspect: AtomicBool,
    is_reachable: AtomicBool,
    was_reachable: AtomicBool,
    /// Offset behind the last readable record, or −1.
    end_offset: AtomicI64,
    /// Offset at which librdkafka last reached the end, or below 0.
    reached_end_at: AtomicI64,
}

impl PartitionState {
    /// A partition whose leader has just answered.
    pub fn new(end: Offset) -> Arc<PartitionState> {
        Arc::new(PartitionState {
            has_news: AtomicBool::new(false),
            is_finished: AtomicBool::new(false),
            is_suspect: AtomicBool::new(false),
            is_reachable: AtomicBool::new(true),
            was_reachable: AtomicBool::new(true),
            end_offset: AtomicI64::new(end.0),
            reached_end_at: AtomicI64::new(-1),
        })
    }

    /// Whether the partition's leader answers.
    pub fn is_reachable(&self) -> bool {
        self.is_reachable.load(Ordering::Acquire)
    }

    /// Behind the last readable record, as far as is known.
    pub fn end_offset(&self) -> Offset {
        Offset(self.end_offset.load(Ordering::Acquire))
    }

    /// Where librdkafka last found the end, transaction markers and gaps included.
    pub fn reached_end_at(&self) -> Offset {
        Offset(self.reached_end_at.load(Ordering::Acquire))
    }

    /// An outage ends only with the second sign of life: after the first, a fetch may not have
    /// returned yet, and there could be records nobody knows of.
    fn observe_leader(&self, answers: bool) {
        let answered_before = self.was_reachable.swap(answers, Ordering::AcqRel);
        self.is_reachable.store(answers && answered_before, Ordering::Release);
    }

    fn observe_offsets(&self, partition: &Partition, read_uncommitted: bool) {
        let end = if read_uncommitted { partition.hi_offset } else { partition.ls_offset };
        if end >= 0 {
            self.end_offset.store(end, Ordering::Release);
        }
        self.reached_end_at.store(partition.eof_offset, Ordering::Release);
    }
}

/// All partitions of one consumer.
#[derive(Default)]
pub struct PartitionStates {
    /// Whether the group's offsets could not be committed the last time.
    commit_failed: AtomicBool,
    states: Mutex<HashMap<TopicPartition, Arc<PartitionState>>>,
}

impl PartitionStates {
    /// Adds a partition; it stays for the life of the consumer.
    pub fn insert(&self, split: TopicPartition, state: Arc<PartitionState>) {
        self.lock().insert(split, state);
    }

    /// Partitions for which `wanted` holds.
    pub fn select(&self, wanted: impl Fn(&PartitionState) -> bool) -> Vec<TopicPartition> {
        let states = self.lock();
        let selected = states.iter().filter(|(_, state)| wanted(state));
        selected.map(|(split, _)| split.clone()).collect()
    }

    /// Takes back what fetches said of topics that are there after all.
    pub fn clear_suspects(&self) {
        for state in self.lock().values() {
            state.is_suspect.store(false, Ordering::Release);
        }
    }

    fn lose_all(&self) {
        for state in self.lock().values() {
            state.observe_leader(false);
        }
    }

    fn on_statistics(&self, statistics: &Statistics, read_uncommitted: bool) {
        for (split, state) in self.lock().iter() {
            let topic = statistics.topics.get(&split.topic);
            let Some(partition) = topic.and_then(|topic| topic.partitions.get(&split.partition))
            else {
                continue;
            };
            let mut brokers = statistics.brokers.values();
            let leader = brokers.find(|broker| broker.nodeid == partition.broker);
            state.observe_leader(leader.is_some_and(answers));
            state.observe_offsets(partition, read_uncommitted);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TopicPartition, Arc<PartitionState>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// librdkafka's callbacks for a consumer.
pub struct ReaderContext {
    /// State of the connection.
    pub connection: Arc<Connection>,
    /// States of the partitions.
    pub partitions: Arc<PartitionStates>,
    /// Whether the end of a partition is its high watermark rather than its last stable offset.
    pub read_uncommitted: bool,
}

impl ClientContext for ReaderContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        connection::log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.connection.on_statistics(&statistics);
        self.partitions.on_statistics(&statistics, self.read_uncommitted);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.connection.on_error(&error, reason);
        if self.connection.is_away() {
            self.partitions.lose_all();
        }
    }
}

impl ConsumerContext for ReaderContext {
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        let has_failed = result.is_err();
        let had_failed = self.partitions.commit_failed.swap(has_failed, Ordering::AcqRel);
        if let (Err(error), false) = (result, had_failed) {
            let reason = errors::reason(&error);
            tracing::warn!(
                reason,
                "kafka group offsets not committed; they are for monitoring only"
            );
        }
    }
}

/// A consumer of ours.
pub type KafkaConsumer = BaseConsumer<ReaderContext>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_ends_with_the_second_sign_of_life() {
        let state = PartitionState::new(Offset(5));
        assert!(state.is_reachable());
        state.observe_leader(false);
        assert!(!state.is_reachable());
        state.observe_leader(true);
        assert!(!state.is_reachable());
        state.observe_leader(true);
        assert!(state.is_reachable());
    }

    #[test]
    fn the_end_is_the_last_stable_offset_unless_everything_is_read() {
        let partition =
            Partition { hi_offset: 12, ls_offset: 10, eof_offset: -1001, ..Partition::default() };
        let state = PartitionState::new(Offset(5));
        state.observe_offsets(&partition, false);
        assert_eq!(state.end_offset(), Offset(10));
        state.observe_offsets(&partition, true);
        assert_eq!(state.end_offset(), Offset(12));
        state.observe_offsets(&Partition { hi_offset: -1001, ..partition }, true);
        assert_eq!(state.end_offset(), Offset(12));
    }
}
