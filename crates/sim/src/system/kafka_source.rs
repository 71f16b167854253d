//! Reads a topic: partitions are looked up and fetched as if on a thread beside the slot, which
//! takes what has come.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{ConnectorContext, ScanSpec, TableDescriptor};
use argus_base::id::{SplitIndex, SubtaskIndex};
use argus_base::source::{
    Source, SourceBatch, SourcePoll, SourceReader, SplitLabel, SplitPosition, SplitStatus,
};
use argus_base::{Error, Result};

use super::table::{BodyDecoder, Table};
use crate::crew::WorkerId;
use crate::world::{System, World, lock};

/// Time between two looks for new partitions.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(2);

/// A topic opened for reading.
pub struct KafkaSource {
    world: Arc<World>,
    worker: WorkerId,
    table: Table,
    scan: ScanSpec,
    context: ConnectorContext,
    place: Place,
    is_bounded: bool,
}

/// Which topic.
#[derive(Clone)]
struct Place {
    servers: String,
    topic: String,
}

impl KafkaSource {
    /// Asks nobody.
    pub fn new(
        (world, worker): (Arc<World>, WorkerId),
        table: &TableDescriptor,
        scan: &ScanSpec,
        context: &ConnectorContext,
    ) -> Result<KafkaSource> {
        let table = Table::new(table)?;
        let servers = table.option("properties.bootstrap.servers")?.to_owned();
        let place = Place { servers, topic: table.option("topic")?.to_owned() };
        let mode = table.descriptor.options.get("scan.bounded.mode");
        let is_bounded = mode.is_some_and(|mode| mode != "unbounded");
        let (scan, context) = (scan.clone(), context.clone());
        Ok(KafkaSource { world, worker, table, scan, context, place, is_bounded })
    }
}

impl Source for KafkaSource {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn is_bounded(&self) -> bool {
        self.is_bounded
    }

    fn watermark_per_split(&self) -> bool {
        true
    }

    fn reader(
        &self,
        subtask: SubtaskIndex,
        parallelism: usize,
        positions: &[SplitPosition],
    ) -> Result<Box<dyn SourceReader>> {
        let restored = positions.iter().map(|position| {
            let range = Range::parse(&position.position);
            let unreadable = || Error::bug(format!("'{}' is no position", position.position));
            Ok((position.split.clone(), range.ok_or_else(unreadable)?))
        });
        Ok(Box::new(KafkaReader {
            world: Arc::clone(&self.world),
            worker: self.worker,
            place: self.place.clone(),
            decoder: self.table.decoder(&self.scan, &self.context)?,
            subtask: subtask.0,
            parallelism,
            is_bounded: self.is_bounded,
            restored: restored.collect::<Result<_>>()?,
            is_started: false,
            next_lookup: Duration::ZERO,
            splits: Vec::new(),
            announcements: VecDeque::new(),
        }))
    }
}

/// Where reading goes on, and where it ends.
#[derive(Clone, Copy)]
struct Range {
    next: u64,
    stop: Option<u64>,
}

impl Range {
    fn parse(text: &str) -> Option<Range> {
        let (next, stop) = match text.split_once('/') {
            Some((next, stop)) => (next, Some(stop.parse().ok()?)),
            None => (text, None),
        };
        Some(Range { next: next.parse().ok()?, stop })
    }

    fn text(self) -> String {
        let Range { next, stop } = self;
        stop.map_or_else(|| next.to_string(), |stop| format!("{next}/{stop}"))
    }

    fn has_ended(self) -> bool {
        self.stop.is_some_and(|stop| self.next >= stop)
    }
}

struct KafkaReader {
    world: Arc<World>,
    worker: WorkerId,
    place: Place,
    decoder: BodyDecoder,
    subtask: usize,
    parallelism: usize,
    is_bounded: bool,
    restored: BTreeMap<String, Range>,
    is_started: bool,
    next_lookup: Duration,
    splits: Vec<Split>,
    announcements: VecDeque<SourcePoll>,
}

struct Split {
    partition: usize,
    range: Range,
    /// Whether the last fetch came to the end.
    is_at_end: bool,
    has_ended: bool,
}

impl KafkaReader {
    /// Looks for partitions of its own that it does not know; later again where nobody answers.
    fn look_up(&mut self) {
        let now = self.world.time.passed();
        let is_over = self.is_bounded && self.is_started;
        if now < self.next_lookup || is_over {
            return;
        }
        let refused =
            self.world.is_away(System::Broker) || self.world.happens(|climate| climate.refused);
        if refused {
            let pause = Duration::from_millis(500);
            self.next_lookup = now + self.world.draw(|dice| dice.time(Duration::ZERO, pause));
            return;
        }
        self.next_lookup = now + LOOKUP_INTERVAL;
        let brokers = lock(&self.world.brokers);
        let Some(broker) = brokers.get(&self.place.servers) else { return };
        for partition in 0..broker.n_partitions(&self.place.topic) {
            let is_known = self.splits.iter().any(|split| split.partition == partition);
            if partition % self.parallelism != self.subtask || is_known {
                continue;
            }
            let name = format!("{}/{partition}", self.place.topic);
            let first = || Range {
                next: 0,
                stop: self.is_bounded.then(|| broker.end(&self.place.topic, partition)),
            };
            let range = self.restored.get(&name).copied().unwrap_or_else(first);
            let split = SplitIndex(self.splits.len());
            let label = SplitLabel {
                topic: self.place.topic.clone(),
                partition: i32::try_from(partition).unwrap_or(i32::MAX),
            };
            self.announcements.push_back(SourcePoll::SplitAdded { split, label });
            let has_ended = range.has_ended();
            if has_ended {
                self.announcements.push_back(SourcePoll::SplitFinished(split));
            }
            self.splits.push(Split { partition, range, is_at_end: false, has_ended });
        }
        self.is_started = true;
    }

    /// The next batch of a split, where one has come.
    fn fetch(&mut self, index: usize, max_rows: usize) -> Result<Option<SourcePoll>> {
        let split = &mut self.splits[index];
        let max = self.world.draw(|dice| dice.pick(&[1, 3, 20, 200]));
        let left = split.range.stop.map_or(u64::MAX, |stop| stop - split.range.next);
        let max = max.min(max_rows).min(usize::try_from(left).unwrap_or(usize::MAX));
        let fetched = {
            let brokers = lock(&self.world.brokers);
            let Some(broker) = brokers.get(&self.place.servers) else { return Ok(None) };
            broker.read(&self.place.topic, split.partition, split.range.next, max)
        };
        split.is_at_end = fetched.is_end;
        if fetched.next == split.range.next {
            return Ok(None);
        }
        split.range.next = fetched.next;
        if split.range.has_ended() {
            split.has_ended = true;
            self.announcements.push_back(SourcePoll::SplitFinished(SplitIndex(index)));
        }
        let bodies = fetched.messages.iter().map(|message| message.body.as_slice());
        let n_bytes = fetched.messages.iter().map(|message| message.body.len() as u64).sum();
        let records = self.decoder.decode(bodies)?;
        let batch = SourceBatch { split: SplitIndex(index), records, n_bytes };
        Ok(Some(SourcePoll::Batch(batch)))
    }
}

impl SourceReader for KafkaReader {
    fn poll(&mut self, max_rows: usize, preferred: &[SplitIndex]) -> Result<SourcePoll> {
        self.look_up();
        if let Some(announcement) = self.announcements.pop_front() {
            return Ok(announcement);
        }
        if self.is_bounded && self.is_started && self.splits.iter().all(|split| split.has_ended) {
            return Ok(SourcePoll::End);
        }
        // What is on its way has not come yet in one of four cases.
        let is_slow = self.world.draw(|dice| dice.chance(25_000));
        if self.splits.is_empty() || is_slow || self.world.is_away(System::Broker) {
            return Ok(SourcePoll::Empty);
        }
        let first = self.world.draw(|dice| dice.index(self.splits.len()));
        let others = (0..self.splits.len()).map(|n| (first + n) % self.splits.len());
        let in_turn = preferred.iter().map(|split| split.0).chain(others);
        for index in in_turn.collect::<Vec<_>>() {
            if self.splits.get(index).is_some_and(|split| !split.has_ended)
                && let Some(batch) = self.fetch(index, max_rows)?
            {
                return Ok(batch);
            }
        }
        Ok(SourcePoll::Empty)
    }

    fn split_status(&self, split: SplitIndex) -> SplitStatus {
        let Some(split) = self.splits.get(split.0) else { return SplitStatus::Unreachable };
        match (split.has_ended || split.is_at_end, self.world.is_away(System::Broker)) {
            (_, true) => SplitStatus::Unreachable,
            (true, _) => SplitStatus::CaughtUp,
            (false, _) => SplitStatus::Unread { lag_records: 0 },
        }
    }

    fn is_ready(&self) -> bool {
        self.is_started && !self.world.is_away(System::Broker)
    }

    fn positions(&self) -> Vec<SplitPosition> {
        let position = |split: &Split| SplitPosition {
            split: format!("{}/{}", self.place.topic, split.partition),
            position: split.range.text(),
        };
        self.splits.iter().map(position).collect()
    }

    fn checkpoint_completed(&mut self, positions: &[SplitPosition]) {
        let _only_for_monitoring = (self.worker, positions);
    }
}
