//! The reader of one subtask: takes fetched messages out of librdkafka's queues, one partition a
//! batch, and decodes them on the slot's thread. Nothing here asks a broker; see
//! [`fetcher`](super::fetcher) for what does.
//!
//! ```text
//! split:  assigned ──SplitAdded──▶ reading ──stop offset reached──▶ ended ──SplitFinished──▶ gone
//! ```
//!
//! A bounded split ends at its stop offset even where no record stands right before it, as with
//! transaction markers, aborted records or compaction: the next record is behind the stop, or
//! librdkafka says that it has reached the end of the partition.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use argus_base::connector::{ConnectorContext, ScanSpec, TableDescriptor};
use argus_base::id::{SplitIndex, SubtaskIndex};
use argus_base::source::{
    SourceBatch, SourcePoll, SourceReader, SplitLabel, SplitPosition, SplitStatus,
};
use argus_base::task::{TaskKind, spawn};
use argus_base::{Error, Result};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode;

use super::connection::{Connection, start_grace};
use super::decode::{RowDecoder, SkipCounters};
use super::errors;
use super::fetcher::{AssignedSplit, Completed, FetchEvent, Fetcher, consumption};
use super::options::SourceOptions;
use super::packer::{Packed, Packer, Wanted};
use super::position::{Range, RestoredRanges, nothing_to_read};
use super::startup::{BoundedMode, Offset};

/// Events that wait for the reader; the fetcher waits beyond.
const MAX_QUEUED_EVENTS: usize = 64;

/// What a reader is made from.
pub struct ReaderOptions<'a> {
    /// The table.
    pub table: &'a TableDescriptor,
    /// What is read of it.
    pub scan: &'a ScanSpec,
    /// The job.
    pub context: &'a ConnectorContext,
    /// The table's options.
    pub source: SourceOptions,
    /// The consumer group.
    pub group_id: String,
    /// Which subtask this is.
    pub subtask: SubtaskIndex,
    /// Of how many.
    pub parallelism: usize,
    /// Positions of a checkpoint.
    pub restored: Option<RestoredRanges>,
}

/// Reads the partitions of one subtask.
pub struct KafkaReader {
    splits: Vec<Split>,
    /// What the engine has not been told yet.
    announcements: VecDeque<SourcePoll>,
    events: Receiver<FetchEvent>,
    has_started: bool,
    is_bounded: bool,
    /// The split to begin with where none is preferred.
    next: usize,
    decoder: RowDecoder,
    wanted: Wanted,
    /// Buffer of the last batch, where the decoder kept no view into it.
    spare: Vec<u8>,
    connection: Arc<Connection>,
    abandoned: Arc<AtomicBool>,
    completed: Arc<Completed>,
    commits_offsets: bool,
    context: ConnectorContext,
    table_name: String,
}

/// One partition being read.
struct Split {
    assigned: AssignedSplit,
    /// Next record to hand over, as far as is known.
    position: Offset,
    /// Whether the last thing heard of it was that its end is reached.
    is_at_end: bool,
    has_ended: bool,
    skipped: SkipCounters,
}

impl KafkaReader {
    /// Starts the fetcher.
    pub fn start(options: ReaderOptions<'_>) -> Result<KafkaReader> {
        let context = options.context.clone();
        let layout = &options.source.layout;
        let decoder = RowDecoder::new(options.table, layout, options.scan, &context)?;
        let (sender, events) = sync_channel(MAX_QUEUED_EVENTS);
        let connection = Connection::new(context.env.clone(), &options.source.client.servers);
        let abandoned = Arc::new(AtomicBool::new(false));
        let is_bounded = options.source.bounded != BoundedMode::Unbounded;
        let commits_offsets = options.source.commits_offsets && context.checkpoints.is_some();
        let completed = Arc::default();
        let fetcher = Fetcher {
            options: options.source,
            group_id: options.group_id,
            subtask: options.subtask,
            parallelism: options.parallelism,
            restored: options.restored,
            env: context.env.clone(),
            connect_timeout: context.connect_timeout,
            refusal_grace: start_grace(&context),
            connection: Arc::clone(&connection),
            abandoned: Arc::clone(&abandoned),
            events: sender,
            completed: Arc::clone(&completed),
        };
        // Nobody joins the thread: it ends when the reader is gone, and tells it of failures; a
        // panic shows as a closed queue.
        drop(spawn(TaskKind::Io, "kafka-fetcher", move || {
            fetcher.run();
            Ok(())
        })?);
        Ok(KafkaReader {
            splits: Vec::new(),
            announcements: VecDeque::new(),
            events,
            has_started: false,
            is_bounded,
            next: 0,
            wanted: decoder.wanted(),
            decoder,
            spare: Vec::new(),
            connection,
            abandoned,
            completed,
            commits_offsets,
            context,
            table_name: options.table.name.clone(),
        })
    }

    fn take_events(&mut self) -> Result<()> {
        loop {
            match self.events.try_recv() {
                Ok(FetchEvent::Assigned(assigned)) => self.add_split(*assigned),
                Ok(FetchEvent::Started) => self.has_started = true,
                Ok(FetchEvent::Failed(error)) => {
                    return Err(error.context(format!("read the table '{}'", self.table_name)));
                }
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    return Err(Error::bug("the Kafka fetcher ended before its reader"));
                }
            }
        }
    }

    fn add_split(&mut self, assigned: AssignedSplit) {
        let index = SplitIndex(self.splits.len());
        let split = &assigned.plan.split;
        let label = SplitLabel { topic: split.topic.clone(), partition: split.partition };
        self.announcements.push_back(SourcePoll::SplitAdded { split: index, label });
        let has_ended = assigned.queue.is_none();
        if has_ended {
            self.announcements.push_back(SourcePoll::SplitFinished(index));
        }
        let skipped = SkipCounters::new(&self.context, &self.table_name, split);
        let position = assigned.plan.range.start;
        self.splits.push(Split { assigned, position, is_at_end: false, has_ended, skipped });
    }

    fn read(&mut self, index: usize, max_rows: usize) -> Result<Option<SourcePoll>> {
        let split = &mut self.splits[index];
        let packer = Packer::new(self.wanted, std::mem::take(&mut self.spare));
        let found = split.take_messages(packer, max_rows)?;
        if split.has_ended {
            self.announcements.push_back(SourcePoll::SplitFinished(SplitIndex(index)));
        }
        let Some(packed) = found else { return Ok(self.announcements.pop_front()) };
        let records = self.decoder.decode(&split.assigned.plan.split, &packed, &split.skipped)?;
        let n_bytes = packed.n_bytes;
        // Only a buffer that nobody else refers to comes back.
        self.spare = packed.values.bytes.into_vec().unwrap_or_default();
        let split = SplitIndex(index);
        Ok(Some(SourcePoll::Batch(SourceBatch { split, records, n_bytes })))
    }

    fn read_any(
        &mut self,
        max_rows: usize,
        preferred: &[SplitIndex],
    ) -> Result<Option<SourcePoll>> {
        for &SplitIndex(index) in preferred {
            if self.splits.get(index).is_some_and(Split::may_have_news)
                && let Some(found) = self.read(index, max_rows)?
            {
                return Ok(Some(found));
            }
        }
        for _ in 0..self.splits.len() {
            let index = self.next;
            self.next = (index + 1) % self.splits.len();
            let is_preferred = preferred.contains(&SplitIndex(index));
            if !is_preferred
                && self.splits[index].may_have_news()
                && let Some(found) = self.read(index, max_rows)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl SourceReader for KafkaReader {
    fn poll(&mut self, max_rows: usize, preferred: &[SplitIndex]) -> Result<SourcePoll> {
        self.take_events()?;
        if let Some(announcement) = self.announcements.pop_front() {
            return Ok(announcement);
        }
        if let Some(found) = self.read_any(max_rows.max(1), preferred)? {
            return Ok(found);
        }
        let is_over = self.is_bounded && self.has_started;
        let has_all_ended = self.splits.iter().all(|split| split.has_ended);
        Ok(if is_over && has_all_ended { SourcePoll::End } else { SourcePoll::Empty })
    }

    fn split_status(&self, split: SplitIndex) -> SplitStatus {
        self.splits.get(split.0).map_or(SplitStatus::Unreachable, Split::status)
    }

    fn is_ready(&self) -> bool {
        let mut reading = self.splits.iter().filter(|split| !split.has_ended);
        self.has_started
            && !self.connection.is_away()
            && reading.all(|split| split.assigned.state.is_reachable())
    }

    fn positions(&self) -> Vec<SplitPosition> {
        if self.splits.is_empty() && self.has_started {
            return vec![nothing_to_read()];
        }
        self.splits.iter().map(Split::next_record).collect()
    }

    fn checkpoint_completed(&mut self, positions: &[SplitPosition]) {
        if self.commits_offsets {
            self.completed.set(positions);
        }
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        // The queues keep the consumer alive; closing it takes time, which is the fetcher's.
        self.splits.clear();
        self.abandoned.store(true, Ordering::Release);
    }
}

impl Split {
    fn next_record(&self) -> SplitPosition {
        let stop = self.assigned.plan.range.stop;
        // What stands between the last record and the stop, such as markers, is nothing to read.
        let start = stop.filter(|_| self.has_ended).unwrap_or(self.position);
        Range { start, stop }.encode(&self.assigned.plan.split)
    }

    fn may_have_news(&self) -> bool {
        !self.has_ended
            && (self.assigned.state.has_news.load(Ordering::Acquire) || self.waits_for_end())
    }

    /// Whether the end was reached before the stop was known to be behind it.
    fn waits_for_end(&self) -> bool {
        self.is_at_end && self.assigned.plan.range.stop.is_some()
    }

    fn status(&self) -> SplitStatus {
        let state = &self.assigned.state;
        if self.has_ended {
            return SplitStatus::CaughtUp;
        }
        if !state.is_reachable() {
            return SplitStatus::Unreachable;
        }
        if self.is_at_end && !state.has_news.load(Ordering::Acquire) {
            return SplitStatus::CaughtUp;
        }
        let lag = state.end_offset().0.saturating_sub(self.position.0);
        SplitStatus::Unread { lag_records: u64::try_from(lag).unwrap_or(0) }
    }

    /// Takes what waits, up to a full batch; none where nothing does.
    fn take_messages(&mut self, mut packer: Packer, max_rows: usize) -> Result<Option<Packed>> {
        let Some(queue) = &self.assigned.queue else { return Ok(None) };
        let state = Arc::clone(&self.assigned.state);
        let stop = self.assigned.plan.range.stop;
        // Cleared first: what comes from now on sets it again, and nothing is missed.
        state.has_news.store(false, Ordering::Release);
        loop {
            if packer.len() >= max_rows || packer.is_full() {
                state.has_news.store(true, Ordering::Release);
                break;
            }
            match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    self.is_at_end = false;
                    let offset = message.offset();
                    if stop.is_some_and(|stop| offset >= stop.0) {
                        self.has_ended = true;
                        break;
                    }
                    packer.add(&message);
                    self.position = Offset(offset + 1);
                    if stop == Some(self.position) {
                        self.has_ended = true;
                        break;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => self.is_at_end = true,
                Some(Err(error)) => self.judge(&error)?,
            }
        }
        self.end_where_reached();
        if self.has_ended {
            state.is_finished.store(true, Ordering::Release);
        }
        let packed = packer.finish();
        Ok(Some(packed).filter(|packed| !packed.is_empty()))
    }

    /// Ends a split whose stop lies at or before the end that librdkafka has reached.
    fn end_where_reached(&mut self) {
        let Some(stop) = self.assigned.plan.range.stop.filter(|_| self.is_at_end) else { return };
        let state = &self.assigned.state;
        let was_there_at_start = stop <= self.assigned.plan.end;
        // In this order: an end that was reached since the queue was emptied has put its records
        // into the queue first, and the flag says so.
        let is_reached_by_now = stop <= state.reached_end_at();
        let is_queue_empty = !state.has_news.load(Ordering::Acquire);
        if was_there_at_start || (is_reached_by_now && is_queue_empty) {
            self.has_ended = true;
        }
    }

    fn judge(&self, error: &KafkaError) -> Result<()> {
        use RDKafkaErrorCode as Code;
        let split = &self.assigned.plan.split;
        let reason = errors::reason(error);
        let Some(code) = error.rdkafka_error_code() else { return Err(consumption(error)) };
        let what = format!("topic '{}' partition {}", split.topic, split.partition);
        tracing::debug!(topic = split.topic, partition = split.partition, reason, "kafka fetch");
        match code {
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
                self.assigned.state.is_suspect.store(true, Ordering::Release);
                Ok(())
            }
            Code::AutoOffsetReset | Code::NoOffset => {
                let at = self.position.0;
                let message = format!(
                    "{what}: the offset {at} is no longer there, and \
                     'properties.auto.offset.reset' does not say where to go on: {reason}"
                );
                Err(Error::user(errors::NO_OFFSET, message))
            }
            Code::BadMessage | Code::BadCompression | Code::Inconsistent | Code::Fatal => {
                Err(consumption(error).context(what))
            }
            _ => errors::refusal(code, &what, &reason).map_or(Ok(()), Err),
        }
    }
}
