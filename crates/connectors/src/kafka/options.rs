//! Every option of the connector, declared once, and what becomes of them: checked
//! [`SourceOptions`] and [`SinkOptions`], which the running parts trust.

use std::time::Duration;

use argus_base::connector::TableDescriptor;
use argus_base::option::{OptionError, OptionKind, OptionSpec, Options};
use fancy_regex::Regex;

use super::client::ClientSettings;
use super::layout::Layout;
use super::properties::Role;
use super::security::Properties;
use super::startup::{
    BoundedMode, OffsetReset, OffsetsByPartition, StartupMode, parse_specific_offsets,
};
use crate::table_options::TableOptions;

const TEXT: OptionKind = OptionKind::Text;
const MILLIS: OptionKind = OptionKind::Int { min: 0, max: i64::MAX };

/// librdkafka's limit; its least, 1 s, is ours too.
const MAX_TRANSACTION_TIMEOUT_MS: u64 = i32::MAX as u64;

/// Every option besides the formats' and the general ones.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "topic",
        OptionKind::List,
        "Topics to read from, separated by ';', or the topic to write to.",
    ),
    OptionSpec::new(
        "topic-pattern",
        TEXT,
        "Regular expression: all topics whose whole name matches are read.",
    ),
    OptionSpec::new(
        "properties.bootstrap.servers",
        TEXT,
        "Brokers to begin with: host:port, separated by commas.",
    )
    .required(),
    OptionSpec::new(
        "properties.group.id",
        TEXT,
        "Consumer group, for its committed offsets; 'argus-<job>-<table>' where not written.",
    ),
    OptionSpec::new(
        "properties.auto.offset.reset",
        OptionKind::Enum(&["earliest", "latest", "none"]),
        "Where the start mode group-offsets begins when nothing is committed; an error where not \
         written.",
    ),
    OptionSpec::new(
        "properties.isolation.level",
        OptionKind::Enum(&["read_committed", "read_uncommitted"]),
        "Whether records of open and aborted transactions are read.",
    )
    .default("read_committed"),
    OptionSpec::new("properties.sasl.jaas.config", TEXT, "Login module, user name and password.")
        .secret(),
    OptionSpec::new("properties.ssl.keystore.key", TEXT, "Private key in PEM.").secret(),
    OptionSpec::new("properties.*.password", TEXT, "Password of a key or a store.").secret(),
    OptionSpec::new(
        "properties.*",
        TEXT,
        "Any property of Kafka's Java client; one without a counterpart is ignored with a warning.",
    ),
    OptionSpec::new(
        "key.fields",
        OptionKind::List,
        "Columns of the message key, separated by ';'.",
    ),
    OptionSpec::new(
        "key.fields-prefix",
        TEXT,
        "What the names of the key columns begin with in the table but not in the key.",
    )
    .default(""),
    OptionSpec::new(
        "value.fields-include",
        OptionKind::Enum(&["ALL", "EXCEPT_KEY"]),
        "Whether the key columns are in the message value too.",
    )
    .default("ALL"),
    OptionSpec::new(
        "scan.startup.mode",
        OptionKind::Enum(&[
            "group-offsets",
            "earliest-offset",
            "latest-offset",
            "timestamp",
            "specific-offsets",
        ]),
        "Where reading begins.",
    )
    .default("group-offsets"),
    OptionSpec::new(
        "scan.startup.specific-offsets",
        TEXT,
        "Where specific-offsets begins: 'partition:0,offset:42;partition:1,offset:300'.",
    ),
    OptionSpec::new(
        "scan.startup.timestamp-millis",
        MILLIS,
        "Where timestamp begins, in milliseconds since 1970-01-01T00:00:00Z.",
    ),
    OptionSpec::new(
        "scan.bounded.mode",
        OptionKind::Enum(&[
            "unbounded",
            "latest-offset",
            "group-offsets",
            "timestamp",
            "specific-offsets",
        ]),
        "Where reading ends.",
    )
    .default("unbounded"),
    OptionSpec::new(
        "scan.bounded.specific-offsets",
        TEXT,
        "Before which records specific-offsets ends: 'partition:0,offset:42'.",
    ),
    OptionSpec::new(
        "scan.bounded.timestamp-millis",
        MILLIS,
        "Where timestamp ends, in milliseconds since 1970-01-01T00:00:00Z.",
    ),
    OptionSpec::new(
        "scan.topic-partition-discovery.interval",
        OptionKind::Duration,
        "How often new topics and partitions are looked for; 0 never.",
    )
    .default("5 min"),
    OptionSpec::new(
        "sink.partitioner",
        TEXT,
        "default (by key, as Kafka's own client), fixed (one partition a writer) or round-robin.",
    )
    .default("default"),
    OptionSpec::new(
        "sink.delivery-guarantee",
        OptionKind::Enum(&["at-least-once", "exactly-once", "none"]),
        "What a failure may do to the rows written; exactly-once where the job takes checkpoints, \
         else at-least-once.",
    ),
    OptionSpec::new(
        "sink.transactional-id-prefix",
        TEXT,
        "What the transactional ids of exactly-once begin with, one for each job; pipeline.name \
         where not written.",
    ),
    OptionSpec::new(
        "sink.transaction-naming-strategy",
        OptionKind::Enum(&["incrementing", "pooling"]),
        "How transactional ids are chosen; without meaning here.",
    ),
];

/// Which topics are read.
#[derive(Clone, Debug)]
pub enum TopicSelection {
    /// These.
    Names(Vec<String>),
    /// Those whose whole name matches.
    Pattern(Regex),
}

/// Everything about reading a table.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Settings of the consumer.
    pub client: ClientSettings,
    /// What is read.
    pub topics: TopicSelection,
    /// `properties.group.id`.
    pub group_id: Option<String>,
    /// Whether its offsets are committed with each checkpoint, for monitoring.
    pub commits_offsets: bool,
    /// Where reading begins.
    pub startup: StartupMode,
    /// What happens where an offset is missing.
    pub reset: OffsetReset,
    /// Where reading ends.
    pub bounded: BoundedMode,
    /// How often new partitions are looked for; `None` never.
    pub discovery_interval: Option<Duration>,
    /// Whether records of open transactions are read.
    pub read_uncommitted: bool,
    /// Columns of key and value, and their formats.
    pub layout: Layout,
}

/// How rows find their partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioner {
    /// By the key's murmur2 hash, as Kafka's Java client; batches without key go round.
    ByKey,
    /// Each writer has one partition.
    Fixed,
}

/// What a failure may do to the rows written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Nothing.
    ExactlyOnce,
    /// Repeat some: a checkpoint waits for deliveries.
    AtLeastOnce,
    /// Repeat or lose some.
    None,
}

/// Everything about writing a table.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// Settings of the producer.
    pub client: ClientSettings,
    /// The topic, or the topics among which the metadata column `topic` chooses.
    pub topics: Vec<String>,
    /// How rows find their partition.
    pub partitioner: Partitioner,
    /// What a failure may do to the rows; `None` where the script leaves it to the job.
    pub guarantee: Option<Guarantee>,
    /// What transactional ids begin with, where it is written.
    pub transactional_id_prefix: Option<String>,
    /// How long the brokers keep a transaction open, where it is written.
    pub transaction_timeout: Option<Duration>,
    /// Columns of key and value, and their formats.
    pub layout: Layout,
}

type Checked<T> = Result<T, OptionError>;

impl SourceOptions {
    /// Reads and checks a table's options.
    pub fn parse(table: &TableDescriptor) -> Checked<SourceOptions> {
        let all = TableOptions::check(table, &super::spec())?;
        let layout = Layout::new(table, &all)?;
        let options = &all.connector;
        let properties = client_properties(options);
        let topics = topic_selection(options)?;
        let startup = startup_mode(options, &topics)?;
        let bounded = bounded_mode(options, &topics)?;
        Ok(SourceOptions {
            client: ClientSettings::new(&properties, Role::Consumer)?,
            group_id: options.text("properties.group.id").map(str::to_owned),
            commits_offsets: commits_offsets(&properties),
            reset: startup.reset(reset_property(options)),
            discovery_interval: discovery_interval(options, &properties)?,
            read_uncommitted: options.word("properties.isolation.level")
                == Some("read_uncommitted"),
            topics,
            startup,
            bounded,
            layout,
        })
    }
}

impl SinkOptions {
    /// Reads and checks a table's options.
    pub fn parse(table: &TableDescriptor) -> Checked<SinkOptions> {
        let all = TableOptions::check(table, &super::spec())?;
        let layout = Layout::new(table, &all)?;
        let options = &all.connector;
        let TopicSelection::Names(topics) = topic_selection(options)? else {
            return conflict("a table with 'topic-pattern' cannot be written to; write 'topic'");
        };
        let prefix = options.text("sink.transactional-id-prefix").filter(|text| !text.is_empty());
        Ok(SinkOptions {
            client: ClientSettings::new(&client_properties(options), Role::Producer)?,
            topics,
            partitioner: partitioner(options)?,
            guarantee: guarantee(options),
            transactional_id_prefix: prefix.map(str::to_owned),
            transaction_timeout: transaction_timeout(options)?,
            layout,
        })
    }
}

/// Checks a table that may be read, written, or both.
pub fn check(table: &TableDescriptor) -> Checked<()> {
    SourceOptions::parse(table)?;
    let all = TableOptions::check(table, &super::spec())?;
    partitioner(&all.connector)?;
    transaction_timeout(&all.connector)?;
    ClientSettings::new(&client_properties(&all.connector), Role::Producer)?;
    Ok(())
}

fn conflict<T>(message: impl Into<String>) -> Checked<T> {
    Err(OptionError::Conflict(message.into()))
}

fn bad_value<T>(options: &Options, key: &str, problem: impl Into<String>) -> Checked<T> {
    let value = options.text(key).unwrap_or_default().to_owned();
    Err(OptionError::BadValue { key: key.to_owned(), value, problem: problem.into() })
}

fn client_properties(options: &Options) -> Properties {
    let written = options.with_prefix("properties.");
    written.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn topic_selection(options: &Options) -> Checked<TopicSelection> {
    let names: Vec<String> = options.list("topic").into_iter().map(str::to_owned).collect();
    match options.text("topic-pattern") {
        None if names.is_empty() => Err(OptionError::Missing {
            key: "topic".into(),
            help: "Either 'topic' or 'topic-pattern' says what is read.".into(),
        }),
        None => Ok(TopicSelection::Names(names)),
        Some(_) if !names.is_empty() => {
            conflict("'topic' and 'topic-pattern' exclude each other; write one of them")
        }
        Some(pattern) => match Regex::new(&format!("^(?:{pattern})$")) {
            Ok(regex) => Ok(TopicSelection::Pattern(regex)),
            Err(why) => {
                bad_value(options, "topic-pattern", format!("no regular expression: {why}"))
            }
        },
    }
}

fn startup_mode(options: &Options, topics: &TopicSelection) -> Checked<StartupMode> {
    Ok(match options.word("scan.startup.mode") {
        Some("earliest-offset") => StartupMode::Earliest,
        Some("latest-offset") => StartupMode::Latest,
        Some("timestamp") => StartupMode::Timestamp(timestamp(options, "startup")?),
        Some("specific-offsets") => {
            StartupMode::SpecificOffsets(specific_offsets(options, topics, "startup")?)
        }
        _ => StartupMode::GroupOffsets,
    })
}

fn bounded_mode(options: &Options, topics: &TopicSelection) -> Checked<BoundedMode> {
    Ok(match options.word("scan.bounded.mode") {
        Some("latest-offset") => BoundedMode::Latest,
        Some("group-offsets") => BoundedMode::GroupOffsets,
        Some("timestamp") => BoundedMode::Timestamp(timestamp(options, "bounded")?),
        Some("specific-offsets") => {
            BoundedMode::SpecificOffsets(specific_offsets(options, topics, "bounded")?)
        }
        _ => BoundedMode::Unbounded,
    })
}

fn timestamp(options: &Options, part: &str) -> Checked<i64> {
    let key = format!("scan.{part}.timestamp-millis");
    options.int(&key).ok_or_else(|| needed(part, "timestamp", &key))
}

fn specific_offsets(
    options: &Options,
    topics: &TopicSelection,
    part: &str,
) -> Checked<OffsetsByPartition> {
    let key = format!("scan.{part}.specific-offsets");
    let text = options.text(&key).ok_or_else(|| needed(part, "specific-offsets", &key))?;
    let is_single = matches!(topics, TopicSelection::Names(names) if names.len() == 1);
    if !is_single {
        return conflict(format!("'{key}' can be used with a single 'topic' only"));
    }
    parse_specific_offsets(text).or_else(|why| bad_value(options, &key, why))
}

fn needed(part: &str, mode: &str, key: &str) -> OptionError {
    let help = format!("'scan.{part}.mode' = '{mode}' needs it.");
    OptionError::Missing { key: key.to_owned(), help }
}

fn reset_property(options: &Options) -> Option<OffsetReset> {
    match options.word("properties.auto.offset.reset")? {
        "earliest" => Some(OffsetReset::Earliest),
        "latest" => Some(OffsetReset::Latest),
        _ => Some(OffsetReset::None),
    }
}

/// Flink's own property among those of the client, true where it is not written.
fn commits_offsets(properties: &Properties) -> bool {
    let written = properties.get("commit.offsets.on.checkpoint");
    let has_group = properties.get("group.id").is_some_and(|id| !id.trim().is_empty());
    has_group && !written.is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
}

/// The table's option; the client property of Flink's where only that one is written.
fn discovery_interval(options: &Options, properties: &Properties) -> Checked<Option<Duration>> {
    const KEY: &str = "scan.topic-partition-discovery.interval";
    const PROPERTY: &str = "partition.discovery.interval.ms";
    let from_property = properties.get(PROPERTY).filter(|_| !options.is_written(KEY));
    let Some(millis) = from_property else {
        return Ok(options.duration(KEY).filter(|interval| !interval.is_zero()));
    };
    match millis.trim().parse::<i64>() {
        Ok(millis) => {
            let interval = u64::try_from(millis).ok().map(Duration::from_millis);
            Ok(interval.filter(|interval| !interval.is_zero()))
        }
        Err(_) => bad_value(options, &format!("properties.{PROPERTY}"), "expected milliseconds"),
    }
}

fn partitioner(options: &Options) -> Checked<Partitioner> {
    const KEY: &str = "sink.partitioner";
    match options.text(KEY).unwrap_or_default() {
        "default" => Ok(Partitioner::ByKey),
        "fixed" => Ok(Partitioner::Fixed),
        "round-robin" if options.is_written("key.fields") => {
            conflict("'sink.partitioner' = 'round-robin' cannot be used with 'key.fields'")
        }
        "round-robin" => Ok(Partitioner::ByKey),
        _ => bad_value(
            options,
            KEY,
            "expected default, fixed or round-robin; Java classes are not supported",
        ),
    }
}

fn guarantee(options: &Options) -> Option<Guarantee> {
    match options.word("sink.delivery-guarantee")? {
        "exactly-once" => Some(Guarantee::ExactlyOnce),
        "none" => Some(Guarantee::None),
        _ => Some(Guarantee::AtLeastOnce),
    }
}

fn transaction_timeout(options: &Options) -> Checked<Option<Duration>> {
    const KEY: &str = "properties.transaction.timeout.ms";
    let Some(text) = options.text(KEY) else { return Ok(None) };
    match text.trim().parse() {
        Ok(millis @ 1000..=MAX_TRANSACTION_TIMEOUT_MS) => Ok(Some(Duration::from_millis(millis))),
        _ => bad_value(options, KEY, "expected milliseconds, from 1000 to 2147483647"),
    }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
