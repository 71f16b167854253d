//! The writer of rows that are visible at once: one I/O thread with a producer of its own behind
//! a bounded queue of batches.
//!
//! Bounds, for each writer: the batches of the queue (see `background`), and in librdkafka
//! [`QUEUED_BYTES`] or [`QUEUED_MESSAGES`] of messages, whichever comes first. The thread waits
//! when librdkafka's queue is full, and the slot when the thread's is.
//!
//! Deliveries are tried again without end unless `properties.delivery.timeout.ms` says how long;
//! the producer is idempotent, so that this neither repeats nor reorders rows.

use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::Prepared;
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::{Batch, Error, Result};
use rdkafka::ClientConfig;
use rdkafka::producer::Producer;

use super::client::ClientSettings;
use super::connection::{Connection, PROBE_INTERVAL, start_grace};
use super::delivery::{Deliveries, DeliveryContext, KafkaProducer};
use super::errors;
use super::lookup::Stop;
use super::options::Guarantee;
use super::send::{Lane, RowSender};
use super::table::{RowEncoder, WrittenTable};
use super::topics::{TopicQuestion, Topics};
use crate::background::{Worker, WriterState};

/// Bytes of messages that wait in librdkafka for their delivery: the Java client's
/// `buffer.memory`.
pub const QUEUED_BYTES: usize = 32 << 20;
/// Messages that wait in librdkafka for their delivery.
pub const QUEUED_MESSAGES: usize = 100_000;
/// librdkafka's own size of a batch of messages.
const BATCH_BYTES: usize = 1_000_000;
/// What a batch is longer than its messages, generously.
const BATCH_OVERHEAD_BYTES: usize = 1_000;
const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
/// How often deliveries are served while some are expected, and while none are.
pub const BUSY_TICK: Duration = Duration::from_millis(5);
/// See [`BUSY_TICK`].
pub const IDLE_TICK: Duration = Duration::from_millis(100);

/// The settings of every producer.
pub fn producer_config(client: &ClientSettings) -> ClientConfig {
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

/// Keeps batches within what the topics take: one that is refused would take its good messages
/// along; a long message stands alone in its batch.
pub fn limit_batches(config: &mut ClientConfig, client: &ClientSettings, topics: &Topics) {
    if let Some(limit) = topics.max_batch_bytes() {
        let written = client.written("batch.size").and_then(|size| size.parse().ok());
        let most = limit.saturating_sub(BATCH_OVERHEAD_BYTES).max(1);
        config.set("batch.size", written.unwrap_or(BATCH_BYTES).min(most).to_string());
    }
}

/// Serves what waits of deliveries, errors and statistics, without waiting for more. One call of
/// librdkafka's serves one of them.
pub fn serve_events(producer: &KafkaProducer) {
    const MOST: usize = 8;
    (0..MOST).for_each(|_| producer.poll(Duration::ZERO));
}

/// What ends a writer besides an error of its own.
pub struct Watch {
    /// What the slot sees.
    pub state: Arc<WriterState>,
    /// What is known of the brokers.
    pub connection: Arc<Connection>,
    /// What becomes of the messages.
    pub deliveries: Arc<Deliveries>,
}

impl Watch {
    /// Tells the slot how the brokers are; what went wrong comes out here.
    pub fn check(&self) -> Result<()> {
        self.state.set_ready(!self.connection.is_away());
        if self.state.is_abandoned() {
            return Err(given_up());
        }
        let failed = self.deliveries.take_error().or_else(|| self.connection.lasting_refusal());
        failed.map_or(Ok(()), Err)
    }
}

/// The error of a writer that nobody waits for any more.
pub fn given_up() -> Error {
    Error::transient(errors::DELIVERY, "the writer was given up")
}

/// The I/O thread of one writer.
pub struct DirectWorker {
    table: Arc<WrittenTable>,
    encoder: RowEncoder,
    sender: RowSender,
    watch: Watch,
    connected: Option<Connected>,
    is_idle: bool,
    /// When brokers that are away are asked again.
    next_probe: Duration,
}

struct Connected {
    producer: KafkaProducer,
    topics: Topics,
}

impl DirectWorker {
    /// A worker that is not connected yet.
    pub fn new(
        table: Arc<WrittenTable>,
        encoder: RowEncoder,
        subtask: SubtaskIndex,
        state: Arc<WriterState>,
    ) -> DirectWorker {
        let servers = &table.options.client.servers;
        let connection = Connection::new(table.context.env.clone(), servers);
        let sender = RowSender::new(&table, subtask, false);
        let watch = Watch { state, connection, deliveries: Arc::clone(sender.deliveries()) };
        DirectWorker {
            table,
            encoder,
            sender,
            watch,
            connected: None,
            is_idle: true,
            next_probe: Duration::ZERO,
        }
    }

    fn connect(&self) -> std::result::Result<Connected, Stop> {
        let context = &self.table.context;
        let client = &self.table.options.client;
        let mut config = producer_config(client);
        let question = TopicQuestion {
            topics: &self.table.options.topics,
            create_partitions: self.table.create_partitions,
            config: &config,
            connection: &self.watch.connection,
            env: &context.env,
            connect_timeout: context.connect_timeout,
            refusal_grace: start_grace(context),
            abandoned: &|| self.watch.state.is_abandoned(),
        };
        let topics = question.answer()?;
        limit_batches(&mut config, client, &topics);
        let context = DeliveryContext::new(&self.watch.connection, context, &self.table.name);
        let producer = config.create_with_context(context);
        let producer = producer.map_err(|error| errors::bad_settings(&error, &config))?;
        Ok(Connected { producer, topics })
    }

    fn drain(&mut self) -> Result<()> {
        let Connected { producer, .. } = self.connected.as_ref().ok_or_else(not_open)?;
        let watch = &self.watch;
        self.sender.drain(&|time| {
            producer.poll(time);
            watch.check()
        })
    }
}

impl Worker for DirectWorker {
    fn open(&mut self) -> Result<()> {
        match self.connect() {
            Ok(connected) => {
                self.connected = Some(connected);
                Ok(())
            }
            Err(Stop::Failed(error)) => {
                Err(error.context(format!("write the table '{}'", self.table.name)))
            }
            Err(Stop::Abandoned) => Err(given_up()),
        }
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let begun = self.table.context.env.elapsed();
        let outgoing = self.encoder.encode(&batch)?;
        let Connected { producer, topics } = self.connected.as_ref().ok_or_else(not_open)?;
        let watch = &self.watch;
        let wait = |time| {
            producer.poll(time);
            watch.check()
        };
        self.sender.send(&outgoing, begun, Lane { producer, topics, wait: &wait })?;
        self.tick()
    }

    fn flush(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Prepared>> {
        if self.table.options.guarantee == Some(Guarantee::None) {
            self.tick()?
        } else {
            self.drain()?
        }
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<()> {
        self.drain()
    }

    fn next_tick(&self) -> Option<Duration> {
        Some(if self.is_idle { IDLE_TICK } else { BUSY_TICK })
    }

    fn tick(&mut self) -> Result<()> {
        let Connected { producer, .. } = self.connected.as_ref().ok_or_else(not_open)?;
        serve_events(producer);
        let checked = self.watch.check();
        let now = self.table.context.env.elapsed();
        if self.watch.connection.is_away() && now >= self.next_probe {
            let topic = self.table.options.topics.first().map(String::as_str);
            self.watch.connection.probe(producer.client(), topic);
            self.next_probe = now + PROBE_INTERVAL;
        }
        self.is_idle = self.sender.observe();
        checked
    }
}

fn not_open() -> Error {
    Error::bug("a Kafka writer was used before it was open")
}
