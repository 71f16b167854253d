//! What becomes of produced messages: librdkafka's callbacks for a producer. Every message
//! carries the deliveries of its writer along, since writers may share a producer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argus_base::Error;
use argus_base::connector::{ConnectorContext, OnError};
use argus_base::metrics::Counter;
use rdkafka::ClientContext;
use rdkafka::Statistics;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, DeliveryResult, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::connection::{self, Connection};
use super::errors;
use crate::metrics::{SINK_BYTES, SINK_RECORDS, SINK_RETRIES, SINK_SKIPPED};

/// A producer of ours.
pub type KafkaProducer = BaseProducer<DeliveryContext>;

/// Deliveries of one writer.
pub struct Deliveries {
    n_done: AtomicU64,
    error: Mutex<Option<Error>>,
    records: Counter,
    bytes: Counter,
    skipped: Counter,
    on_error: OnError,
    table_name: String,
    is_transactional: bool,
}

impl Deliveries {
    /// Nothing is delivered yet. In a transaction a message that the brokers refuse cannot be
    /// skipped any more.
    pub fn new(context: &ConnectorContext, table: &str, is_transactional: bool) -> Arc<Deliveries> {
        let labels = [("job", context.job_name.as_str()), ("sink", table)];
        let counter = |spec| context.metrics.counter(spec, &labels);
        Arc::new(Deliveries {
            n_done: AtomicU64::new(0),
            error: Mutex::new(None),
            records: counter(&SINK_RECORDS),
            bytes: counter(&SINK_BYTES),
            skipped: counter(&SINK_SKIPPED),
            on_error: context.on_sink_error,
            table_name: table.to_owned(),
            is_transactional,
        })
    }

    /// Messages of which the fate is known.
    pub fn n_done(&self) -> u64 {
        self.n_done.load(Ordering::Acquire)
    }

    /// Counts a row that is left out.
    pub fn skip(&self) {
        self.skipped.add(1);
    }

    /// What made a delivery fail for good, once.
    pub fn take_error(&self) -> Option<Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn delivered(&self, message: &BorrowedMessage<'_>) {
        let n_bytes = message.payload_len() + message.key_len();
        self.bytes.add(u64::try_from(n_bytes).unwrap_or(u64::MAX));
        self.records.add(1);
    }

    fn failed(&self, error: &KafkaError, message: &BorrowedMessage<'_>) {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let reason = code.to_string();
        let topic = message.topic();
        let what = format!("write to the topic '{topic}'");
        let error = match code {
            // The producer is being dropped, or its transaction aborted.
            Code::PurgeQueue | Code::PurgeInflight => return,
            Code::MessageSizeTooLarge
            | Code::MessageBatchTooLarge
            | Code::InvalidTimestamp
            | Code::InvalidRecord
            | Code::InvalidMessage => {
                if self.on_error == OnError::Skip && !self.is_transactional {
                    return self.skip();
                }
                self.refused(message, &reason)
            }
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                Error::user(errors::MISSING_TOPIC, format!("the topic '{topic}' is gone: {reason}"))
            }
            _ => errors::refusal(code, &what, &reason)
                .or_else(|| errors::fenced(code, &reason))
                .unwrap_or_else(|| {
                    let message = format!("the message was not delivered: {reason}");
                    Error::transient(errors::DELIVERY, message).context(what)
                }),
        };
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    fn refused(&self, message: &BorrowedMessage<'_>, reason: &str) -> Error {
        let (table, topic) = (&self.table_name, message.topic());
        let length = message.payload_len();
        let message = format!(
            "cannot write a row to the table '{table}': the brokers refuse its message of \
             {length} bytes for the topic '{topic}': {reason}"
        );
        Error::data(errors::REFUSED_MESSAGE, message)
    }
}

/// librdkafka's callbacks for a producer; all run on the threads that poll it.
pub struct DeliveryContext {
    connection: Arc<Connection>,
    n_retries: AtomicU64,
    retries: Counter,
}

impl DeliveryContext {
    /// For a producer whose retries count as those of `table`.
    pub fn new(
        connection: &Arc<Connection>,
        context: &ConnectorContext,
        table: &str,
    ) -> DeliveryContext {
        let labels = [("job", context.job_name.as_str()), ("sink", table)];
        let retries = context.metrics.counter(&SINK_RETRIES, &labels);
        DeliveryContext {
            connection: Arc::clone(connection),
            n_retries: AtomicU64::new(0),
            retries,
        }
    }
}

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        connection::log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.connection.on_statistics(&statistics);
        let n_retries = statistics.brokers.values().map(|broker| broker.txretries).sum();
        let before = self.n_retries.swap(n_retries, Ordering::AcqRel);
        self.retries.add(n_retries.saturating_sub(before));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.connection.on_error(&error, reason);
    }
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = Arc<Deliveries>;

    fn delivery(&self, result: &DeliveryResult<'_>, deliveries: Arc<Deliveries>) {
        match result {
            Ok(message) => deliveries.delivered(message),
            Err((error, message)) => deliveries.failed(error, message),
        }
        deliveries.n_done.fetch_add(1, Ordering::AcqRel);
    }
}
