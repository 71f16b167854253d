//! What a sink asks and does about its topics before it writes: which partitions there are,
//! creating what is missing where the job allows it, and what messages they take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use argus_base::{Env, Error, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{ConfigResource, NewTopic, TopicReplication};
use rdkafka::types::RDKafkaErrorCode;

use super::admin::Admin;
use super::connection::Connection;
use super::errors;
use super::lookup::{Lookup, MISSING_GRACE, Stop};
use super::options::TopicSelection;
use super::partition::ReaderContext;

/// The broker's own number of replicas.
const DEFAULT_REPLICATION: i32 = -1;

/// What is known of the topics of a sink.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    /// Number of partitions by topic.
    pub n_partitions: BTreeMap<String, i32>,
    /// What each topic takes, where the brokers tell.
    limits: BTreeMap<String, TopicLimits>,
}

/// What a topic takes; `None` where any is taken or nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicLimits {
    /// Longest batch.
    pub max_batch_bytes: Option<usize>,
    /// How far the time of a message may be behind the broker's clock, in milliseconds.
    pub max_past_ms: Option<i64>,
    /// How far it may be ahead of it.
    pub max_future_ms: Option<i64>,
    /// Whether each message needs a key.
    pub needs_key: bool,
}

impl Topics {
    /// Longest batch that every topic takes, where the brokers tell.
    pub fn max_batch_bytes(&self) -> Option<usize> {
        self.limits.values().filter_map(|limits| limits.max_batch_bytes).min()
    }

    /// What a topic takes.
    pub fn limits(&self, topic: &str) -> TopicLimits {
        self.limits.get(topic).copied().unwrap_or_default()
    }
}

impl TopicLimits {
    fn of(settings: &ConfigResource) -> TopicLimits {
        let text = |name: &str| settings.get(name).and_then(|entry| entry.value.as_deref());
        let number = |name: &str| text(name).and_then(|value| value.parse::<i64>().ok());
        // Otherwise the broker gives messages its own time.
        let keeps_time = text("message.timestamp.type") != Some("LogAppendTime");
        let bound = |name| number(name).filter(|bound| keeps_time && *bound < i64::MAX);
        TopicLimits {
            max_batch_bytes: number("max.message.bytes").and_then(|n| usize::try_from(n).ok()),
            max_past_ms: bound("message.timestamp.before.max.ms"),
            max_future_ms: bound("message.timestamp.after.max.ms"),
            needs_key: text("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
        }
    }
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
    /// How long they may refuse us before that is final.
    pub refusal_grace: Duration,
    /// Whether nobody waits any more.
    pub abandoned: &'a dyn Fn() -> bool,
}

impl TopicQuestion<'_> {
    /// Asks, and creates what is missing.
    pub fn answer(&self) -> std::result::Result<Topics, Stop> {
        let n_partitions = match self.partitions(self.create_partitions.is_some()) {
            Err(Stop::Failed(error)) if self.create_partitions.is_some() => {
                if error.code() != errors::MISSING_TOPIC {
                    return Err(error.into());
                }
                self.create()?;
                self.partitions(false)?
            }
            other => other?,
        };
        let mut limits = BTreeMap::new();
        let described = Admin::new(self.config, self.connection)?.describe_topics(self.topics);
        for settings in described {
            if let rdkafka::admin::OwnedResourceSpecifier::Topic(topic) = &settings.specifier {
                limits.insert(topic.clone(), TopicLimits::of(&settings));
            }
        }
        Ok(Topics { n_partitions, limits })
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
            refusal_grace: self.refusal_grace,
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
        let created = Admin::new(self.config, self.connection)?.create(&topics);
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
}

fn cannot_create(reason: &str) -> Error {
    Error::user(errors::MISSING_TOPIC, format!("the topic cannot be created: {reason}"))
}
