//! What a sink asks and does about its topics before it writes: which partitions there are,
//! creating what is missing where the job allows it, and how long a message may be.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use argus_base::{Env, Error, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::error::KafkaResult;
use rdkafka::types::RDKafkaErrorCode;

use super::connection::{self, Connection};
use super::errors;
use super::lookup::{Lookup, MISSING_GRACE, Stop};
use super::options::TopicSelection;
use super::partition::ReaderContext;

/// How long the brokers may take to create topics.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long they may take to tell a limit; where they do not know the request, as the broker
/// inside the process, all of it passes.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(1);
/// The broker's own number of replicas.
const DEFAULT_REPLICATION: i32 = -1;

/// What is known of the topics of a sink.
pub struct Topics {
    /// Number of partitions by topic.
    pub n_partitions: BTreeMap<String, i32>,
    /// Longest batch that every topic takes, where the broker tells.
    pub max_batch_bytes: Option<usize>,
}

/// What is needed to ask.
pub struct TopicQuestion<'a> {
    /// The topics.
    pub topics: &'a [String],
    /// Number of partitions of topics that are created; `None` creates none.
    pub create_partitions: Option<i32>,
    /// Configuration of the sink's client.
    pub config: &'a ClientConfig,
    /// What is known of the brokers.
    pub connection: &'a Arc<Connection>,
    /// Time.
    pub env: &'a Env,
    /// How long to wait for brokers.
    pub connect_timeout: Duration,
    /// Whether nobody waits any more.
    pub abandoned: &'a dyn Fn() -> bool,
}

impl TopicQuestion<'_> {
    /// Asks, and creates what is missing.
    pub fn answer(&self) -> std::result::Result<Topics, Stop> {
        let found = match self.partitions(self.create_partitions.is_some()) {
            Err(Stop::Failed(error)) if self.create_partitions.is_some() => {
                if error.code() != errors::MISSING_TOPIC {
                    return Err(error.into());
                }
                self.create()?;
                self.partitions(false)?
            }
            other => other?,
        };
        Ok(Topics { n_partitions: found, max_batch_bytes: self.max_batch_bytes() })
    }

    fn partitions(&self, is_creating: bool) -> std::result::Result<BTreeMap<String, i32>, Stop> {
        let context = ReaderContext {
            connection: Arc::clone(self.connection),
            partitions: Arc::default(),
            read_uncommitted: false,
        };
        let consumer = self.config.create_with_context(context);
        let consumer = consumer.map_err(|error| errors::bad_settings(&error, self.config))?;
        let lookup = Lookup {
            consumer: &consumer,
            connection: self.connection,
            env: self.env,
            deadline: self.env.elapsed() + self.connect_timeout,
            missing_grace: if is_creating { Duration::ZERO } else { MISSING_GRACE },
            abandoned: self.abandoned,
        };
        let mut n_partitions = BTreeMap::new();
        for split in lookup.partitions(&TopicSelection::Names(self.topics.to_vec()))? {
            *n_partitions.entry(split.topic).or_insert(0) += 1;
        }
        Ok(n_partitions)
    }

    fn create(&self) -> Result<()> {
        let n_partitions = self.create_partitions.unwrap_or(1);
        let replication = || TopicReplication::Fixed(DEFAULT_REPLICATION);
        let names = self.topics.iter();
        let topics: Vec<NewTopic<'_>> =
            names.map(|name| NewTopic::new(name, n_partitions, replication())).collect();
        let admin = self.admin()?;
        let created = block_on(admin.create_topics(&topics, &timeout(CREATE_TIMEOUT)));
        let created = created.map_err(|error| cannot_create(&errors::reason(&error)))?;
        for result in created {
            match result {
                Ok(topic) => tracing::info!(topic, n_partitions, "kafka topic created"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    let what = format!("create the topic '{topic}'");
                    let reason = code.to_string();
                    let refusal = errors::refusal(code, &what, &reason);
                    return Err(refusal.unwrap_or_else(|| cannot_create(&reason).context(what)));
                }
            }
        }
        Ok(())
    }

    /// Where the brokers do not say, for want of rights or age, nothing is known.
    fn max_batch_bytes(&self) -> Option<usize> {
        let admin = self.admin().ok()?;
        let resources: Vec<ResourceSpecifier<'_>> =
            self.topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
        let described: KafkaResult<_> =
            block_on(admin.describe_configs(&resources, &timeout(DESCRIBE_TIMEOUT)));
        let limits = described.ok()?.into_iter().flatten().filter_map(|resource| {
            resource.get("max.message.bytes")?.value.as_ref()?.parse::<usize>().ok()
        });
        limits.min()
    }

    fn admin(&self) -> Result<AdminClient<AdminContext>> {
        let context = AdminContext { connection: Arc::clone(self.connection) };
        let made = self.config.create_with_context(context);
        made.map_err(|error| errors::bad_settings(&error, self.config))
    }
}

fn timeout(timeout: Duration) -> AdminOptions {
    let options = AdminOptions::new().request_timeout(Some(timeout));
    options.operation_timeout(Some(timeout))
}

fn cannot_create(reason: &str) -> Error {
    Error::user(errors::MISSING_TOPIC, format!("the topic cannot be created: {reason}"))
}

struct AdminContext {
    connection: Arc<Connection>,
}

impl ClientContext for AdminContext {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        connection::log(level, facility, message);
    }

    fn stats(&self, _statistics: rdkafka::Statistics) {}

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        self.connection.on_error(&error, reason);
    }
}

/// Waits for a future on this thread. rdkafka answers administrative requests by futures that
/// its own thread completes.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
