//! A table opened for writing: makes the writers, each one I/O thread with a producer behind a
//! bounded queue of batches.
//!
//! Bounds, for each writer: the batches of the queue (see `background`), and in librdkafka
//! [`QUEUED_BYTES`] or [`QUEUED_MESSAGES`] of messages, whichever comes first. The thread waits
//! when librdkafka's queue is full, and the slot when the thread's is.
//!
//! Deliveries are tried again without end unless `properties.delivery.timeout.ms` says how long;
//! the producer is idempotent, so that this neither repeats nor reorders rows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::Prepared;
use argus_base::connector::{ConnectorContext, OnError, TableDescriptor};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::metrics::Histogram;
use argus_base::sink::{Sink, SinkWriter};
use argus_base::{Batch, Error, Result, RowKind};
use arrow_array::ArrayRef;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::connection::{Connection, PROBE_INTERVAL};
use super::delivery::{Deliveries, DeliveryContext};
use super::errors;
use super::layout::Part;
use super::lookup::Stop;
use super::metadata::{Key, WrittenMetadata};
use super::options::{Partitioner, SinkOptions};
use super::topics::{TopicQuestion, Topics};
use crate::background::{BackgroundWriter, Worker, WriterState};
use crate::format::{Encoded, Encoder};
use crate::metrics::SINK_WRITE_SECONDS;

/// Bytes of messages that wait in librdkafka for their delivery: the Java client's
/// `buffer.memory`.
pub const QUEUED_BYTES: usize = 32 << 20;
/// Messages that wait in librdkafka for their delivery.
pub const QUEUED_MESSAGES: usize = 100_000;
/// librdkafka's own size of a batch of messages.
const BATCH_BYTES: usize = 1_000_000;
/// What a batch is longer than its messages, generously.
const BATCH_OVERHEAD_BYTES: usize = 1_000;
/// Setting: topics that are missing are created with that many partitions.
const CREATE_TOPIC_PARTITIONS: &str = "argus.kafka.create-topic-partitions";
const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
/// How often deliveries are served while some are expected, and while none are.
const BUSY_TICK: Duration = Duration::from_millis(5);
const IDLE_TICK: Duration = Duration::from_millis(100);

/// A Kafka table that is written.
pub struct KafkaSink {
    plan: Arc<WriterPlan>,
}

/// What all writers of a table share.
struct WriterPlan {
    table_name: String,
    n_physical: usize,
    metadata: Vec<Key>,
    options: SinkOptions,
    create_partitions: Option<i32>,
    context: ConnectorContext,
}

impl KafkaSink {
    /// Opens a table. Waits for nobody.
    pub fn new(
        table: &TableDescriptor,
        metadata: &[usize],
        context: &ConnectorContext,
    ) -> Result<KafkaSink> {
        let options =
            SinkOptions::parse(table).map_err(|error| crate::registry::unchecked(table, &error))?;
        options.client.warn_of_ignored(&table.name);
        let keys = metadata.iter().map(|&index| Key::of(&table.metadata[index]));
        let metadata: Vec<Key> = keys.collect::<Result<_>>()?;
        if options.topics.len() > 1 && !metadata.contains(&Key::Topic) {
            let problem = "several topics can be written to only through the metadata column \
                           'topic'";
            return Err(Error::user(errors::SETTINGS, problem));
        }
        let plan = WriterPlan {
            table_name: table.name.clone(),
            n_physical: table.physical.len(),
            metadata,
            options,
            create_partitions: create_partitions(context)?,
            context: context.clone(),
        };
        Ok(KafkaSink { plan: Arc::new(plan) })
    }
}

fn create_partitions(context: &ConnectorContext) -> Result<Option<i32>> {
    let Some(text) = context.settings.get(CREATE_TOPIC_PARTITIONS) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) if number >= 1 => Ok(Some(number)),
        _ => {
            let message =
                format!("'{CREATE_TOPIC_PARTITIONS}' = '{text}': expected a number from 1");
            Err(Error::user(errors::SETTINGS, message))
        }
    }
}

impl Sink for KafkaSink {
    fn max_parallelism(&self) -> Option<usize> {
        None
    }

    fn writer(&self, subtask: SubtaskIndex, _parallelism: usize) -> Result<Box<dyn SinkWriter>> {
        let plan = Arc::clone(&self.plan);
        let time_zone = &plan.context.time_zone;
        let value = plan.options.layout.value.encoder(time_zone)?;
        let key = plan.options.layout.key.as_ref().map(|key| key.encoder(time_zone));
        let key = key.transpose()?;
        let writer = BackgroundWriter::start("kafka-writer", move |state| {
            KafkaWorker::new(plan, subtask, Encoders { value, key }, state)
        })?;
        Ok(Box::new(writer))
    }
}

struct Encoders {
    value: Box<dyn Encoder>,
    key: Option<Box<dyn Encoder>>,
}

/// The I/O thread of one writer.
struct KafkaWorker {
    plan: Arc<WriterPlan>,
    subtask: SubtaskIndex,
    encoders: Encoders,
    state: Arc<WriterState>,
    connection: Arc<Connection>,
    deliveries: Arc<Deliveries>,
    connected: Option<Connected>,
    n_sent: u64,
    /// Batches under way: number of messages sent when they had been, and when they came.
    under_way: VecDeque<(u64, Duration)>,
    write_seconds: Histogram,
    /// When brokers that are away are asked again.
    next_probe: Duration,
}

struct Connected {
    producer: BaseProducer<DeliveryContext>,
    topics: Topics,
}

/// One batch ready to be sent.
struct Outgoing {
    values: Encoded,
    keys: Option<Encoded>,
    metadata: WrittenMetadata,
}

impl KafkaWorker {
    fn new(
        plan: Arc<WriterPlan>,
        subtask: SubtaskIndex,
        encoders: Encoders,
        state: Arc<WriterState>,
    ) -> KafkaWorker {
        let context = &plan.context;
        let labels = [("job", context.job_name.as_str()), ("sink", plan.table_name.as_str())];
        KafkaWorker {
            connection: Connection::new(context.env.clone(), &plan.options.client.servers),
            deliveries: Arc::new(Deliveries::new(context, &plan.table_name)),
            write_seconds: context.metrics.histogram(&SINK_WRITE_SECONDS, &labels),
            plan,
            subtask,
            encoders,
            state,
            connected: None,
            n_sent: 0,
            under_way: VecDeque::new(),
            next_probe: Duration::ZERO,
        }
    }

    fn connect(&self) -> std::result::Result<Connected, Stop> {
        let context = &self.plan.context;
        let mut config = self.config();
        let question = TopicQuestion {
            topics: &self.plan.options.topics,
            create_partitions: self.plan.create_partitions,
            config: &config,
            connection: &self.connection,
            env: &context.env,
            connect_timeout: context.connect_timeout,
            abandoned: &|| self.state.is_abandoned(),
        };
        let topics = question.answer()?;
        // A batch that the topic refuses would take its good messages along; a long message
        // stands alone in its batch.
        if let Some(limit) = topics.max_batch_bytes {
            let written = self.plan.options.client.written("batch.size");
            let wanted = written.and_then(|size| size.parse().ok()).unwrap_or(BATCH_BYTES);
            let most = limit.saturating_sub(BATCH_OVERHEAD_BYTES).max(1);
            config.set("batch.size", wanted.min(most).to_string());
        }
        let context = DeliveryContext {
            connection: Arc::clone(&self.connection),
            deliveries: Arc::clone(&self.deliveries),
        };
        let producer = config.create_with_context(context);
        let producer = producer.map_err(|error| errors::bad_settings(&error, &config))?;
        Ok(Connected { producer, topics })
    }

    fn config(&self) -> ClientConfig {
        let client = &self.plan.options.client;
        // Where the script asks for less, the Java client gives up idempotence as well.
        let is_weak = client.written("acks").is_some_and(|acks| !matches!(acks, "all" | "-1"))
            || client.written("retries") == Some("0")
            || client.written(IN_FLIGHT).and_then(|n| n.parse().ok()).is_some_and(|n: u32| n > 5);
        client.config(&[
            ("enable.idempotence", (!is_weak).to_string()),
            ("acks", "all".to_owned()),
            ("partitioner", "murmur2_random".to_owned()),
            ("delivery.timeout.ms", "0".to_owned()),
            ("message.max.bytes", (1 << 20).to_string()),
            ("batch.size", BATCH_BYTES.to_string()),
            ("queue.buffering.max.kbytes", (QUEUED_BYTES / 1024).to_string()),
            ("queue.buffering.max.messages", QUEUED_MESSAGES.to_string()),
            ("socket.timeout.ms", "30000".to_owned()),
        ])
    }

    fn encode(&mut self, batch: &Batch) -> Result<Outgoing> {
        let n_rows = batch.n_rows();
        if (0..n_rows).any(|row| batch.kind(row) != RowKind::Insert) {
            return Err(Error::bug("a row that is no insert for an append-only sink"));
        }
        let columns = batch.records.columns();
        let layout = &self.plan.options.layout;
        let value_columns = columns_of(&layout.value, columns);
        let values = self.encoders.value.encode(&value_columns, n_rows)?;
        let mut keys = None;
        if let (Some(encoder), Some(part)) = (&mut self.encoders.key, &layout.key) {
            keys = Some(encoder.encode(&columns_of(part, columns), n_rows)?);
        }
        let written = &columns[self.plan.n_physical..];
        let metadata = WrittenMetadata::new(&self.plan.metadata, written)?;
        Ok(Outgoing { values, keys, metadata })
    }

    fn send_all(&mut self, outgoing: &Outgoing, n_rows: usize) -> Result<()> {
        let mut bad = outgoing.failures();
        let mut next_bad = bad.next();
        for row in 0..n_rows {
            let mut problem = None;
            while let Some((_, reason)) = next_bad.filter(|(at, _)| *at == row) {
                problem = Some(reason.as_str());
                next_bad = bad.next();
            }
            match problem {
                Some(reason) => self.skip_or_fail(errors::UNENCODABLE, reason)?,
                None => self.send(outgoing, row)?,
            }
        }
        Ok(())
    }

    fn send(&mut self, outgoing: &Outgoing, row: usize) -> Result<()> {
        let options = &self.plan.options;
        let topic = match outgoing.metadata.topic(row) {
            None => &options.topics[0],
            Some(wanted) => match options.topics.iter().find(|topic| *topic == wanted) {
                Some(topic) => topic,
                None => {
                    let reason = format!("the topic '{wanted}' is not one of the option 'topic'");
                    return self.skip_or_fail(errors::REFUSED_MESSAGE, &reason);
                }
            },
        };
        let connected = self.connected.as_ref().ok_or_else(not_open)?;
        let mut record = BaseRecord::to(topic).payload(body(&outgoing.values, row));
        record.key = outgoing.keys.as_ref().map(|keys| body(keys, row));
        record.timestamp = match outgoing.metadata.timestamp(row) {
            Some(millis) if millis < 0 => {
                let reason = format!("Kafka takes no time before 1970, found {millis} ms");
                return self.skip_or_fail(errors::REFUSED_MESSAGE, &reason);
            }
            // librdkafka takes 0 for "now".
            Some(millis) => Some(millis.max(1)),
            None => None,
        };
        record.headers = outgoing.metadata.headers(row);
        if options.partitioner == Partitioner::Fixed {
            let n_partitions = connected.topics.n_partitions.get(topic).copied().unwrap_or(1);
            let subtask = i32::try_from(self.subtask.0).unwrap_or(0);
            record.partition = Some(subtask % n_partitions);
        }
        loop {
            record = match connected.producer.send(record) {
                Ok(()) => break,
                Err((error, back)) => match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::QueueFull) => back,
                    Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                        let reason = too_long(body(&outgoing.values, row).len());
                        return self.skip_or_fail(errors::REFUSED_MESSAGE, &reason);
                    }
                    _ => return Err(self.cannot_send(&error)),
                },
            };
            self.wait(connected, BUSY_TICK)?;
        }
        self.n_sent += 1;
        Ok(())
    }

    fn cannot_send(&self, error: &KafkaError) -> Error {
        self.deliveries.take_error().unwrap_or_else(|| {
            let reason = errors::reason(error);
            let before = self.connection.last_reason();
            let message = format!("cannot write to Kafka any more: {reason}; before: {before}");
            Error::transient(errors::DELIVERY, message)
        })
    }

    /// Serves deliveries for a while; what went wrong comes out here.
    fn wait(&self, connected: &Connected, time: Duration) -> Result<()> {
        connected.producer.poll(time);
        self.state.set_ready(!self.connection.is_away());
        if self.state.is_abandoned() {
            return Err(Error::transient(errors::DELIVERY, "the writer was given up"));
        }
        let failed = self.deliveries.take_error().or_else(|| self.connection.lasting_refusal());
        failed.map_or(Ok(()), Err)
    }

    fn observe_deliveries(&mut self) {
        let n_done = self.deliveries.n_done();
        let now = self.plan.context.env.elapsed();
        while let Some((target, begun)) = self.under_way.front().copied() {
            if target > n_done {
                break;
            }
            self.write_seconds.observe(now.saturating_sub(begun));
            self.under_way.pop_front();
        }
    }

    fn drain(&mut self) -> Result<()> {
        let connected = self.connected.take().ok_or_else(not_open)?;
        while self.deliveries.n_done() < self.n_sent {
            self.wait(&connected, BUSY_TICK)?;
            self.observe_deliveries();
        }
        self.connected = Some(connected);
        self.observe_deliveries();
        Ok(())
    }

    fn skip_or_fail(&self, code: &'static str, reason: &str) -> Result<()> {
        if self.plan.context.on_sink_error == OnError::Skip {
            self.deliveries.skip();
            return Ok(());
        }
        let table = &self.plan.table_name;
        Err(Error::data(code, format!("cannot write a row to the table '{table}': {reason}")))
    }
}

impl Worker for KafkaWorker {
    fn open(&mut self) -> Result<()> {
        match self.connect() {
            Ok(connected) => {
                self.connected = Some(connected);
                Ok(())
            }
            Err(Stop::Failed(error)) => {
                Err(error.context(format!("write the table '{}'", self.plan.table_name)))
            }
            Err(Stop::Abandoned) => {
                Err(Error::transient(errors::DELIVERY, "the writer was given up"))
            }
        }
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let begun = self.plan.context.env.elapsed();
        let outgoing = self.encode(&batch)?;
        self.send_all(&outgoing, batch.n_rows())?;
        self.under_way.push_back((self.n_sent, begun));
        self.tick()
    }

    fn flush(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        if self.plan.options.wait_for_delivery {
            self.drain()?
        } else {
            self.tick()?
        }
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<()> {
        self.drain()
    }

    fn next_tick(&self) -> Option<Duration> {
        let is_idle = self.under_way.is_empty();
        Some(if is_idle { IDLE_TICK } else { BUSY_TICK })
    }

    fn tick(&mut self) -> Result<()> {
        let connected = self.connected.take().ok_or_else(not_open)?;
        let waited = self.wait(&connected, Duration::ZERO);
        let now = self.plan.context.env.elapsed();
        if self.connection.is_away() && now >= self.next_probe {
            let topic = self.plan.options.topics.first().map(String::as_str);
            self.connection.probe(connected.producer.client(), topic);
            self.next_probe = now + PROBE_INTERVAL;
        }
        self.connected = Some(connected);
        self.observe_deliveries();
        waited
    }
}

impl Outgoing {
    /// Rows that could not be encoded, ascending; one may come twice.
    fn failures(&self) -> std::vec::IntoIter<&(usize, String)> {
        let keys = self.keys.iter().flat_map(|keys| &keys.failures);
        let mut failures: Vec<&(usize, String)> = self.values.failures.iter().chain(keys).collect();
        failures.sort_by_key(|(row, _)| *row);
        failures.into_iter()
    }
}

fn columns_of(part: &Part, columns: &[ArrayRef]) -> Vec<ArrayRef> {
    part.columns.iter().map(|&index| Arc::clone(&columns[index])).collect()
}

fn body(encoded: &Encoded, row: usize) -> &[u8] {
    let start = if row == 0 { 0 } else { encoded.ends[row - 1] };
    &encoded.bytes[start..encoded.ends[row]]
}

fn too_long(length: usize) -> String {
    format!("its message of {length} bytes is longer than 'properties.max.request.size'")
}

fn not_open() -> Error {
    Error::bug("a Kafka writer was used before it was open")
}
