//! A cluster that a job writes exactly once: its tables there, the client that serves them all,
//! and how it takes the cluster over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argus_base::commit::{CommitRecord, Incarnation};
use argus_base::connector::{CheckpointContext, ConnectorContext};
use argus_base::{Error, Result};
use rdkafka::ClientConfig;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaErrorCode;

use super::record::{self, RecordPlace};
use crate::kafka::admin::Admin;
use crate::kafka::client::ClientSettings;
use crate::kafka::connection::{Admission, Connection};
use crate::kafka::delivery::{DeliveryContext, KafkaProducer};
use crate::kafka::errors;
use crate::kafka::lookup::Stop;
use crate::kafka::partition::{KafkaConsumer, ReaderContext};
use crate::kafka::table::WrittenTable;
use crate::kafka::topics::{TopicQuestion, Topics};
use crate::kafka::writer::{limit_batches, producer_config};

/// How long one attempt waits for the brokers, for each thing it asks of them.
pub const ATTEMPT: Duration = Duration::from_secs(5);
/// How long one call may take before the state of the connection is looked at again.
const SLICE: Duration = Duration::from_secs(1);
/// Longest time that a message waits for others: an epoch ends when all have been delivered.
const MAX_LINGER_MS: f64 = 50.0;
/// librdkafka's own.
const LINGER_MS: f64 = 5.0;
/// What a transaction may be open for besides the time to the next checkpoint and the
/// checkpoint's own.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(60);
/// Longest that one request may take.
const SOCKET_TIMEOUT: Duration = Duration::from_secs(30);

/// Tables that are written in one transaction.
pub struct Cluster {
    /// In the order in which the job declares them; at least one.
    pub tables: Vec<Arc<WrittenTable>>,
    /// What the ids of its transactions begin with.
    prefix: String,
    /// Its place among the clusters of the job.
    index: usize,
    identities: Arc<Identities>,
    client: ClientSettings,
    timeout: Duration,
    admission: Admission,
}

/// A cluster that answered.
pub struct Reached {
    /// What is known of its brokers.
    pub connection: Arc<Connection>,
    /// What is known of the topics.
    pub topics: Topics,
}

impl Cluster {
    /// The cluster of a first table.
    pub fn new(
        table: &Arc<WrittenTable>,
        prefix: String,
        index: usize,
        identities: &Arc<Identities>,
    ) -> Cluster {
        let options = &table.options;
        let timeout = options.transaction_timeout.unwrap_or_else(|| wanted_timeout(&table.context));
        Cluster {
            tables: vec![Arc::clone(table)],
            prefix,
            index,
            identities: Arc::clone(identities),
            client: options.client.clone(),
            timeout,
            admission: Admission::default(),
        }
    }

    /// Whether a table with that prefix is written in the same transaction.
    pub fn takes(&self, table: &WrittenTable, prefix: &str) -> bool {
        self.prefix == prefix && self.client.is_same_cluster(&table.options.client)
    }

    /// Adds such a table.
    pub fn add(&mut self, table: &Arc<WrittenTable>) {
        let different = self.client.add(&table.options.client);
        if !different.is_empty() {
            let (settings, first) = (different.join(", "), &self.tables[0].name);
            let table = &table.name;
            tracing::warn!(table, settings, "written with the kafka settings of table '{first}'");
        }
        self.timeout = self.timeout.max(table.options.transaction_timeout.unwrap_or_default());
        self.tables.push(Arc::clone(table));
    }

    /// How it is named to people.
    pub fn name(&self) -> String {
        format!("kafka {}", self.client.servers)
    }

    /// Where its record is.
    pub fn record_place(&self) -> RecordPlace {
        RecordPlace { group: format!("argus.{}", self.prefix), topics: self.topics() }
    }

    /// All topics, in declared order, each once.
    fn topics(&self) -> Vec<String> {
        let mut topics: Vec<String> = Vec::new();
        for topic in self.tables.iter().flat_map(|table| &table.options.topics) {
            if !topics.contains(topic) {
                topics.push(topic.clone());
            }
        }
        topics
    }

    /// Whether it is the first one of the job.
    pub fn is_commit_point(&self) -> bool {
        self.index == 0
    }

    /// The job.
    pub fn context(&self) -> &ConnectorContext {
        &self.tables[0].context
    }

    /// Makes an attempt at taking the cluster over, all of it: a refusal is final when it has
    /// lasted too long over all attempts.
    pub fn attempt<T>(&self, attempt: impl FnOnce() -> Result<T>) -> Result<T> {
        self.admission.attempt(self.context(), attempt)
    }

    /// Asks for the topics and whether the cluster allows such transactions; creates topics where
    /// the job says so.
    pub fn reach(&self) -> Result<Reached> {
        let context = self.context();
        let connection = Connection::new(context.env.clone(), &self.client.servers);
        let config = producer_config(&self.client);
        let question = TopicQuestion {
            topics: &self.topics(),
            create_partitions: self.tables[0].create_partitions,
            config: &config,
            connection: &connection,
            env: &context.env,
            connect_timeout: context.connect_timeout.min(ATTEMPT),
            refusal_grace: Duration::ZERO,
            abandoned: &|| false,
        };
        let topics = question.answer().map_err(|stop| match stop {
            Stop::Failed(error) => error,
            Stop::Abandoned => Error::bug("a question that nobody can abandon was abandoned"),
        })?;
        let admin = Admin::new(&config, &connection)?;
        self.identities.check(self, admin.cluster_id())?;
        let most = admin.broker_setting("transaction.max.timeout.ms");
        let most = most.and_then(|millis| millis.parse().ok()).map(Duration::from_millis);
        if most.is_some_and(|most| most < self.timeout) {
            return Err(self.timeout_too_long(most));
        }
        Ok(Reached { connection, topics })
    }

    /// Producers whose older namesakes are fenced and whose transactions of the past are over.
    pub fn producers<const N: usize>(&self, reached: &Reached) -> Result<[Arc<KafkaProducer>; N]> {
        let made = (0..N).map(|number| self.producer(number, reached));
        let producers: Vec<Arc<KafkaProducer>> = made.collect::<Result<_>>()?;
        // A call that does not wait lets the client go on by itself, beside the others.
        for producer in &producers {
            if let Err(error) = producer.init_transactions(Duration::from_millis(1)) {
                tracing::trace!(%error, "kafka transactions not initialized yet");
            }
        }
        for producer in &producers {
            self.initialize(producer, &reached.connection)?;
        }
        producers.try_into().map_err(|_| Error::bug("another number of producers"))
    }

    fn producer(&self, number: usize, reached: &Reached) -> Result<Arc<KafkaProducer>> {
        let config = self.producer_config(number, &reached.topics);
        let context =
            DeliveryContext::new(&reached.connection, self.context(), &self.tables[0].name);
        let made = config.create_with_context(context);
        made.map(Arc::new).map_err(|error| errors::bad_settings(&error, &config))
    }

    fn initialize(&self, producer: &KafkaProducer, connection: &Connection) -> Result<()> {
        let env = &self.context().env;
        let deadline = env.elapsed() + ATTEMPT;
        let what = format!("take the transactions of '{}' over", self.prefix);
        while let Err(error) = producer.init_transactions(SLICE) {
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::InvalidTransactionTimeout) {
                return Err(self.timeout_too_long(None));
            }
            let error = may_pass(&error, &what)?;
            producer.poll(Duration::ZERO);
            if let Some(refusal) = connection.refusal(Duration::ZERO) {
                return Err(refusal.context(what));
            }
            if env.elapsed() >= deadline {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The record of the last commit, and what the next one is made with.
    pub fn read_record(
        &self,
        connection: &Arc<Connection>,
        incarnation: &Incarnation,
    ) -> Result<(Option<CommitRecord>, Arc<ConsumerGroupMetadata>)> {
        let place = self.record_place();
        let consumer = |is_careful: bool| -> Result<KafkaConsumer> {
            let client = producer_config(&self.client);
            let config = record::reading(&client, &place.group, is_careful);
            let context = ReaderContext {
                connection: Arc::clone(connection),
                partitions: Arc::default(),
                read_uncommitted: !is_careful,
            };
            let made = config.create_with_context(context);
            made.map_err(|error| errors::bad_settings(&error, &config))
        };
        let env = &self.context().env;
        let careful = consumer(true)?;
        let found = place.read(&careful, connection, env, env.elapsed() + ATTEMPT);
        let found = match found {
            Err(error) if error.code() == errors::UNREACHABLE => {
                let is_undecided = place.is_undecided(&consumer(false)?);
                return Err(if is_undecided { errors::undecided(&place.group) } else { error });
            }
            found => found?,
        };
        let group = Arc::new(record::group_metadata(&careful)?);
        Ok((record::last(found, incarnation), group))
    }

    fn producer_config(&self, number: usize, topics: &Topics) -> ClientConfig {
        let client = &self.client;
        let mut config = producer_config(client);
        limit_batches(&mut config, client, topics);
        // A message that times out earlier than its transaction ends the transaction.
        if client.written("delivery.timeout.ms").is_none() {
            config.remove("delivery.timeout.ms");
        }
        if client.written("socket.timeout.ms").is_none() {
            let timeout = self.timeout.min(SOCKET_TIMEOUT);
            config.set("socket.timeout.ms", timeout.as_millis().to_string());
        }
        if client.written("enable.idempotence").is_none() {
            config.set("enable.idempotence", "true");
        }
        let linger = client.written("linger.ms").and_then(|linger| linger.parse().ok());
        let linger: f64 = linger.unwrap_or(LINGER_MS);
        config.set("linger.ms", linger.min(MAX_LINGER_MS).to_string());
        config.set("transactional.id", format!("{}-{number}", self.prefix));
        config.set("transaction.timeout.ms", self.timeout.as_millis().to_string());
        config
    }

    fn timeout_too_long(&self, most: Option<Duration>) -> Error {
        let servers = &self.client.servers;
        let limit = most.map_or_else(String::new, |most| format!(" of {} ms", most.as_millis()));
        let wanted = self.timeout.as_millis();
        let written = self.tables.iter().any(|table| table.options.transaction_timeout.is_some());
        let (mut reason, mut remedy) = (String::new(), "'properties.transaction.timeout.ms'");
        if let Some(checkpoints) = self.context().checkpoints.filter(|_| !written) {
            reason = reason_of(checkpoints);
            remedy = "'execution.checkpointing.timeout' or 'execution.checkpointing.interval'";
        }
        let message = format!(
            "a transaction may be open for {wanted} ms{reason}, which is longer than the limit\
             {limit} of the Kafka brokers {servers} ('transaction.max.timeout.ms'): lower \
             {remedy}, or raise the limit"
        );
        Error::user(errors::TRANSACTION_TIMEOUT, message)
    }
}

fn wanted_timeout(context: &ConnectorContext) -> Duration {
    let of = |checkpoints: CheckpointContext| checkpoints.interval + checkpoints.timeout;
    context.checkpoints.map_or(Duration::ZERO, of) + TIMEOUT_MARGIN
}

fn reason_of(checkpoints: CheckpointContext) -> String {
    let CheckpointContext { interval, timeout } = checkpoints;
    let (interval, timeout) = (interval.as_millis(), timeout.as_millis());
    let margin = TIMEOUT_MARGIN.as_millis();
    format!(" (checkpoint interval {interval} ms + checkpoint timeout {timeout} ms + {margin} ms)")
}

/// The error of an attempt, where another one may succeed.
fn may_pass(error: &KafkaError, what: &str) -> Result<Error> {
    let error = errors::of_transaction(error, what);
    if error.kind() == argus_base::ErrorKind::Transient { Ok(error) } else { Err(error) }
}

/// Which clusters the job writes, by the id that they give themselves.
#[derive(Default)]
pub struct Identities {
    known: Mutex<Vec<Identity>>,
}

struct Identity {
    cluster_id: String,
    prefix: String,
    index: usize,
    name: String,
}

impl Identities {
    /// Refuses a cluster that another one of the job is too, under another name: their
    /// transactions would fence each other.
    fn check(&self, cluster: &Cluster, cluster_id: Option<String>) -> Result<()> {
        let Some(cluster_id) = cluster_id else { return Ok(()) };
        let Cluster { prefix, index, .. } = cluster;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|other| other.index != *index);
        let same = known.iter().find(|o| o.cluster_id == cluster_id && o.prefix == *prefix);
        if let Some(same) = same {
            let (name, other) = (cluster.name(), &same.name);
            let message = format!(
                "'{other}' and '{name}' are the same cluster: write the same \
                 'properties.bootstrap.servers' and security settings in all tables, or another \
                 'sink.transactional-id-prefix'"
            );
            return Err(Error::user(errors::TWO_NAMES, message));
        }
        let (prefix, name) = (prefix.clone(), cluster.name());
        known.push(Identity { cluster_id, prefix, index: *index, name });
        Ok(())
    }
}
