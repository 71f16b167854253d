//! Sends encoded rows and follows their deliveries: the one way into Kafka, whoever commits.
//!
//! librdkafka's queue is bounded; while it is full the sender serves deliveries and waits. In a
//! transaction a message that the brokers refuse takes all others along, so what they would
//! refuse is found before it is sent, as far as they tell their limits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::OnError;
use argus_base::id::SubtaskIndex;
use argus_base::metrics::Histogram;
use argus_base::{Error, Result};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::delivery::{Deliveries, KafkaProducer};
use super::errors;
use super::options::Partitioner;
use super::table::{Outgoing, WrittenTable};
use super::topics::Topics;
use crate::metrics::SINK_WRITE_SECONDS;

/// How long a full queue is waited for before it is tried again.
const QUEUE_WAIT: Duration = Duration::from_millis(5);
/// What a batch of one message is longer than the message, at most.
const RECORD_OVERHEAD_BYTES: usize = 110;
/// What a header is longer than its name and value, at most.
const HEADER_OVERHEAD_BYTES: usize = 10;
/// Clocks differ, and messages wait.
const CLOCK_MARGIN_MS: i64 = 60_000;

type Record<'a> = BaseRecord<'a, [u8], [u8], Arc<Deliveries>>;

/// Sends the rows of one writer.
pub struct RowSender {
    table: Arc<WrittenTable>,
    subtask: SubtaskIndex,
    is_transactional: bool,
    deliveries: Arc<Deliveries>,
    n_sent: u64,
    /// Batches under way: number of messages sent when they had been, and when they came.
    under_way: VecDeque<(u64, Duration)>,
    write_seconds: Histogram,
}

/// Where rows go.
#[derive(Clone, Copy)]
pub struct Lane<'a> {
    /// The producer, its transaction begun where it has one.
    pub producer: &'a KafkaProducer,
    /// What is known of the topics.
    pub topics: &'a Topics,
    /// Serves deliveries for a while; returns the error that ends the writing.
    pub wait: &'a dyn Fn(Duration) -> Result<()>,
}

/// Why a row cannot be sent, and the code of the error that says so.
struct Refusal {
    code: &'static str,
    reason: String,
}

impl RowSender {
    /// A sender that has sent nothing.
    pub fn new(table: &Arc<WrittenTable>, subtask: SubtaskIndex, is_transactional: bool) -> Self {
        let context = &table.context;
        let labels = [("job", context.job_name.as_str()), ("sink", table.name.as_str())];
        RowSender {
            subtask,
            is_transactional,
            deliveries: Deliveries::new(context, &table.name, is_transactional),
            n_sent: 0,
            under_way: VecDeque::new(),
            write_seconds: context.metrics.histogram(&SINK_WRITE_SECONDS, &labels),
            table: Arc::clone(table),
        }
    }

    /// What becomes of its messages.
    pub fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }

    /// Sends a batch that came at `begun`; waits only while the queue is full.
    pub fn send(&mut self, outgoing: &Outgoing, begun: Duration, lane: Lane<'_>) -> Result<()> {
        let mut bad = outgoing.failures();
        let mut next_bad = bad.next();
        for row in 0..outgoing.n_rows {
            let mut problem = None;
            while let Some((_, reason)) = next_bad.filter(|(at, _)| *at == row) {
                problem = Some(reason.as_str());
                next_bad = bad.next();
            }
            match problem {
                Some(reason) => {
                    let reason = reason.to_owned();
                    self.skip_or_fail(&Refusal { code: errors::UNENCODABLE, reason })?;
                }
                None => self.send_row(outgoing, row, lane)?,
            }
        }
        self.under_way.push_back((self.n_sent, begun));
        Ok(())
    }

    /// Whether the fate of every message is known.
    pub fn is_delivered(&self) -> bool {
        self.deliveries.n_done() >= self.n_sent
    }

    /// Number of messages sent so far.
    pub fn n_sent(&self) -> u64 {
        self.n_sent
    }

    /// Measures the batches that have been delivered; true when none is under way.
    pub fn observe(&mut self) -> bool {
        let n_done = self.deliveries.n_done();
        let now = self.table.context.env.elapsed();
        while let Some((target, begun)) = self.under_way.front().copied() {
            if target > n_done {
                return false;
            }
            self.write_seconds.observe(now.saturating_sub(begun));
            self.under_way.pop_front();
        }
        true
    }

    /// Waits until everything is delivered.
    pub fn drain(&mut self, wait: &dyn Fn(Duration) -> Result<()>) -> Result<()> {
        // Of little weight for the machine, and a commit waits for it.
        const ROUND: Duration = Duration::from_millis(1);
        while !self.is_delivered() {
            wait(ROUND)?;
        }
        self.observe();
        Ok(())
    }

    fn send_row(&mut self, outgoing: &Outgoing, row: usize, lane: Lane<'_>) -> Result<()> {
        let mut record = match self.record(outgoing, row, lane.topics) {
            Ok(record) => record,
            Err(refusal) => return self.skip_or_fail(&refusal),
        };
        loop {
            record = match lane.producer.send(record) {
                Ok(()) => break,
                Err((error, back)) => match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::QueueFull) => back,
                    Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                        return self.skip_or_fail(&too_long(outgoing.value(row).len()));
                    }
                    _ => return Err(self.cannot_send(lane.producer, &error)),
                },
            };
            (lane.wait)(QUEUE_WAIT)?;
        }
        self.n_sent += 1;
        Ok(())
    }

    fn record<'a>(
        &'a self,
        outgoing: &'a Outgoing,
        row: usize,
        topics: &Topics,
    ) -> std::result::Result<Record<'a>, Refusal> {
        let topic = self.topic(outgoing, row)?;
        let deliveries = Arc::clone(&self.deliveries);
        let mut record: Record<'a> =
            BaseRecord::with_opaque_to(topic, deliveries).payload(outgoing.value(row));
        record.key = outgoing.key(row);
        record.timestamp = match outgoing.metadata.timestamp(row) {
            Some(millis) if millis < 0 => {
                return Err(refused(format!("Kafka takes no time before 1970, found {millis} ms")));
            }
            // librdkafka takes 0 for "now".
            Some(millis) => Some(millis.max(1)),
            None => None,
        };
        record.headers = outgoing.metadata.headers(row);
        if self.table.options.partitioner == Partitioner::Fixed {
            let n_partitions = topics.n_partitions.get(topic).copied().unwrap_or(1);
            let subtask = i32::try_from(self.subtask.0).unwrap_or(0);
            record.partition = Some(subtask % n_partitions);
        }
        if self.is_transactional {
            self.check_limits(&record, topics)?;
        }
        Ok(record)
    }

    fn topic<'a>(
        &'a self,
        outgoing: &Outgoing,
        row: usize,
    ) -> std::result::Result<&'a str, Refusal> {
        let topics = &self.table.options.topics;
        let Some(wanted) = outgoing.metadata.topic(row) else { return Ok(&topics[0]) };
        let found = topics.iter().find(|topic| *topic == wanted);
        found.map(String::as_str).ok_or_else(|| {
            refused(format!("the topic '{wanted}' is not one of the option 'topic'"))
        })
    }

    /// Finds what the brokers would refuse.
    fn check_limits(
        &self,
        record: &Record<'_>,
        topics: &Topics,
    ) -> std::result::Result<(), Refusal> {
        let topic = record.topic;
        let limits = topics.limits(topic);
        let bodies = record.payload.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
        let headers = record.headers.as_ref().map_or(0, headers_bytes);
        let n_bytes = bodies + headers + RECORD_OVERHEAD_BYTES;
        if let Some(most) = limits.max_batch_bytes.filter(|most| n_bytes > *most) {
            let reason = format!(
                "its message of {bodies} bytes is longer than the topic '{topic}' takes \
                 ('max.message.bytes' is {most})"
            );
            return Err(refused(reason));
        }
        if limits.needs_key && record.key.is_none() {
            let reason =
                format!("the topic '{topic}' is compacted and takes no message without key");
            return Err(refused(reason));
        }
        let Some(millis) = record.timestamp else { return Ok(()) };
        let ahead = millis - self.table.context.env.now().0;
        let is_early = limits.max_past_ms.is_some_and(|most| -ahead > most - CLOCK_MARGIN_MS);
        let is_late = limits.max_future_ms.is_some_and(|most| ahead > most - CLOCK_MARGIN_MS);
        if is_early || is_late {
            let reason = format!(
                "its time {millis} ms is farther from now than the topic '{topic}' takes \
                 ('message.timestamp.before.max.ms', 'message.timestamp.after.max.ms')"
            );
            return Err(refused(reason));
        }
        Ok(())
    }

    fn cannot_send(&self, producer: &KafkaProducer, error: &KafkaError) -> Error {
        let fatal = || {
            let (code, reason) = producer.client().fatal_error()?;
            errors::fenced(code, &reason)
        };
        self.deliveries.take_error().or_else(fatal).unwrap_or_else(|| {
            let reason = errors::reason(error);
            let message = format!("cannot write to Kafka any more: {reason}");
            Error::transient(errors::DELIVERY, message)
        })
    }

    fn skip_or_fail(&self, refusal: &Refusal) -> Result<()> {
        if self.table.context.on_sink_error == OnError::Skip {
            self.deliveries.skip();
            return Ok(());
        }
        let (table, reason) = (&self.table.name, &refusal.reason);
        let message = format!("cannot write a row to the table '{table}': {reason}");
        Err(Error::data(refusal.code, message))
    }
}

fn headers_bytes(headers: &OwnedHeaders) -> usize {
    let bytes = headers.iter().map(|header| {
        header.key.len() + header.value.map_or(0, <[u8]>::len) + HEADER_OVERHEAD_BYTES
    });
    bytes.sum()
}

fn refused(reason: String) -> Refusal {
    Refusal { code: errors::REFUSED_MESSAGE, reason }
}

fn too_long(length: usize) -> Refusal {
    refused(format!("its message of {length} bytes is longer than 'properties.max.request.size'"))
}
