//! Job-level settings: what SET accepts, declared once.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_base::connector::OnError;
use argus_base::option::{OptionError, OptionKind, OptionSpec, Options};

const POSITIVE: OptionKind = OptionKind::Int { min: 1, max: 32_768 };

/// Settings this engine reads. Flink's own keys keep Flink's meaning; any other key of Flink is
/// accepted and ignored, as Flink does; an unknown `argus.` key is refused.
pub const SETTINGS: &[OptionSpec] = &[
    OptionSpec::new(
        "pipeline.name",
        OptionKind::Text,
        "Name of the job; the file's name without it.",
    ),
    OptionSpec::new("parallelism.default", POSITIVE, "Number of slots.").default("1"),
    OptionSpec::new(
        "table.exec.resource.default-parallelism",
        OptionKind::Int { min: -1, max: 32_768 },
        "Number of slots; goes before parallelism.default unless -1.",
    )
    .default("-1"),
    OptionSpec::new("pipeline.max-parallelism", POSITIVE, "Number of key groups.").default("128"),
    OptionSpec::new(
        "pipeline.auto-watermark-interval",
        OptionKind::Duration,
        "Least wall-clock time between two watermarks that close no window.",
    )
    .default("200 ms"),
    OptionSpec::new(
        "table.local-time-zone",
        OptionKind::Text,
        "Session time zone; default: the system's.",
    )
    .default("default"),
    OptionSpec::new(
        "table.exec.source.idle-timeout",
        OptionKind::Duration,
        "A split without rows for this long holds no watermark back; 0 waits for ever.",
    )
    .default("0 ms"),
    OptionSpec::new(
        "execution.runtime-mode",
        OptionKind::Enum(&["streaming", "batch", "automatic"]),
        "Only streaming runs here.",
    )
    .default("streaming"),
    OptionSpec::new("table.dml-sync", OptionKind::Bool, "Run INSERT statements one after another.")
        .default("false"),
    OptionSpec::new(
        "table.exec.sink.not-null-enforcer",
        OptionKind::Enum(&["ERROR", "DROP"]),
        "What a NULL in a NOT NULL column of a sink does.",
    )
    .default("ERROR"),
    OptionSpec::new(
        "table.exec.sink.type-length-enforcer",
        OptionKind::Enum(&["IGNORE", "TRIM_PAD", "ERROR"]),
        "What a text longer than its column does.",
    )
    .default("IGNORE"),
    OptionSpec::new(
        "table.optimizer.agg-phase-strategy",
        OptionKind::Enum(&["AUTO", "ONE_PHASE", "TWO_PHASE"]),
        "Whether windows aggregate before the exchange as well.",
    )
    .default("AUTO"),
    OptionSpec::new(
        "table.dynamic-table-options.enabled",
        OptionKind::Bool,
        "Allow OPTIONS hints.",
    )
    .default("true"),
    OptionSpec::new(
        "argus.watermark.idle-when-caught-up",
        OptionKind::Bool,
        "A split whose records have all been read holds no watermark back.",
    )
    .default("false"),
    OptionSpec::new(
        "argus.watermark.advance-when-idle",
        OptionKind::Duration,
        "All splits idle for this long: the watermark goes on with the clock; 0 never.",
    )
    .default("0 ms"),
    OptionSpec::new(
        "argus.source.on-error",
        OptionKind::Enum(&["fail", "skip"]),
        "What a record that cannot be decoded, or a row that a sink refuses for its content, does.",
    )
    .default("fail"),
    OptionSpec::new(
        "argus.connect.timeout",
        OptionKind::Duration,
        "How long to wait at the start for a server that is away.",
    )
    .default("60 s"),
    OptionSpec::new(
        "argus.datagen.seed",
        OptionKind::Int { min: i64::MIN, max: i64::MAX },
        "Seed of datagen.",
    ),
    OptionSpec::new(
        "argus.datagen.rows-per-minute",
        OptionKind::Text,
        "Rate of datagen; empty: its own.",
    ),
    OptionSpec::new(
        "argus.datagen.number-of-rows",
        OptionKind::Text,
        "Rows of datagen; 0 or empty: its own.",
    ),
    OptionSpec::new(
        "argus.datagen.start",
        OptionKind::Text,
        "Event time of datagen's row 0; empty: now.",
    ),
    OptionSpec::new(
        "argus.datagen.speed",
        OptionKind::Text,
        "Times real time; 0 is as fast as possible.",
    ),
    OptionSpec::new(
        "argus.datagen.fresh-columns",
        OptionKind::List,
        "Columns of datagen that differ from start to start; not with argus.datagen.start.",
    ),
    OptionSpec::new(
        "execution.checkpointing.interval",
        OptionKind::Duration,
        "Time from one checkpoint to the next; 1 s where only a folder is given, 0 takes none.",
    ),
    OptionSpec::new(
        "execution.checkpointing.dir",
        OptionKind::Text,
        "Where checkpoints go: a path, file://…, or s3://bucket/prefix. Each job has a folder there.",
    ),
    OptionSpec::new(
        "execution.checkpointing.savepoint-dir",
        OptionKind::Text,
        "Where savepoints go; default: the folder 'savepoint' of the job's checkpoints.",
    ),
    OptionSpec::new(
        "execution.checkpointing.timeout",
        OptionKind::Duration,
        "A checkpoint that takes longer has failed.",
    )
    .default("10 min"),
    OptionSpec::new(
        "execution.checkpointing.min-pause",
        OptionKind::Duration,
        "Least time from the end of a checkpoint to the next one's begin.",
    )
    .default("0 s"),
    OptionSpec::new(
        "execution.checkpointing.tolerable-failed-checkpoints",
        OptionKind::Int { min: 0, max: i32::MAX as i64 },
        "More failures than these in a row fail the job.",
    )
    .default("0"),
    OptionSpec::new(
        "execution.checkpointing.num-retained",
        OptionKind::Int { min: 1, max: 1000 },
        "Number of checkpoints kept.",
    )
    .default("1"),
    OptionSpec::new(
        "argus.savepoint.interval",
        OptionKind::Duration,
        "Time from one savepoint to the next; 0 takes only those that are asked for.",
    )
    .default("0 s"),
    OptionSpec::new(
        "table.exec.state.ttl",
        OptionKind::Duration,
        "Keyed state that was not updated for this long may be dropped; 0 keeps it. Windows drop \
         their state when they fire.",
    )
    .default("0 ms"),
    OptionSpec::new(
        "argus.state.memory-limit",
        OptionKind::MemorySize,
        "Resident memory of the process beyond which state spills to local disk; default: none.",
    ),
    OptionSpec::new(
        "argus.state.spill-dir",
        OptionKind::Text,
        "Folder for spilled state; default: the temporary folder.",
    ),
    OptionSpec::new(
        "argus.jdbc.delivery-guarantee",
        OptionKind::Enum(&["upsert", "exactly-once"]),
        "How a table with a primary key is written under checkpoints: early by key, or staged and \
         applied in one transaction a checkpoint.",
    )
    .default("upsert"),
    OptionSpec::new(
        "restart-strategy.type",
        OptionKind::Enum(&["exponential-delay", "fixed-delay", "failure-rate", "none"]),
        "What follows a failure inside the job; default: exponential-delay with checkpoints, else \
         none.",
    ),
    OptionSpec::new(
        "restart-strategy.exponential-delay.initial-backoff",
        OptionKind::Duration,
        "First pause.",
    )
    .default("1 s"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.max-backoff",
        OptionKind::Duration,
        "Longest pause.",
    )
    .default("60 s"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.backoff-multiplier",
        OptionKind::Text,
        "Factor from one pause to the next, from 1.",
    )
    .default("2.0"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.reset-backoff-threshold",
        OptionKind::Duration,
        "After running this long the pauses begin anew.",
    )
    .default("300 s"),
    OptionSpec::new(
        "restart-strategy.exponential-delay.attempts-before-reset-backoff",
        OptionKind::Text,
        "Failures in a row after which the job fails; default: none.",
    ),
    OptionSpec::new(
        "restart-strategy.fixed-delay.attempts",
        OptionKind::Int { min: 0, max: i32::MAX as i64 },
        "Number of restarts.",
    )
    .default("1"),
    OptionSpec::new(
        "restart-strategy.fixed-delay.delay",
        OptionKind::Duration,
        "Pause before each.",
    )
    .default("1 s"),
    OptionSpec::new(
        "restart-strategy.failure-rate.max-failures-per-interval",
        OptionKind::Int { min: 1, max: i32::MAX as i64 },
        "More failures than these in an interval fail the job.",
    )
    .default("1"),
    OptionSpec::new(
        "restart-strategy.failure-rate.failure-rate-interval",
        OptionKind::Duration,
        "The interval.",
    )
    .default("60 s"),
    OptionSpec::new(
        "restart-strategy.failure-rate.delay",
        OptionKind::Duration,
        "Pause before each restart.",
    )
    .default("1 s"),
    OptionSpec::new(
        "argus.kafka.create-topic-partitions",
        OptionKind::Text,
        "Partitions of a missing topic that a Kafka sink creates; empty: it is an error.",
    ),
];

/// How a job takes checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSettings {
    /// Time from one barrier to the next.
    pub interval: Duration,
    /// A checkpoint that takes longer has failed.
    pub timeout: Duration,
    /// Least time from the end of a checkpoint to the next barrier.
    pub min_pause: Duration,
    /// Failures in a row that do not fail the job.
    pub tolerable_failures: u64,
    /// Number of checkpoints kept, at least 1.
    pub n_retained: usize,
    /// Where they go; `None` keeps them in memory, for restarts inside the process only.
    pub dir: Option<String>,
    /// Where savepoints go, where it is said.
    pub savepoint_dir: Option<String>,
    /// Time from one savepoint to the next; `None` takes those that are asked for.
    pub savepoint_interval: Option<Duration>,
}

/// Where only a folder is given.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

impl CheckpointSettings {
    fn of(options: &Options) -> Option<CheckpointSettings> {
        let text = |key| options.text(key).filter(|text| !text.is_empty()).map(str::to_owned);
        let duration = |key| options.duration(key).unwrap_or_default();
        let dir = text("execution.checkpointing.dir");
        let written = options.duration("execution.checkpointing.interval");
        let interval = written.or(dir.is_some().then_some(DEFAULT_INTERVAL))?;
        if interval.is_zero() {
            return None;
        }
        let number = |key| options.int(key).and_then(|number| u64::try_from(number).ok());
        let tolerable = number("execution.checkpointing.tolerable-failed-checkpoints");
        let retained = number("execution.checkpointing.num-retained");
        let savepoint_interval = duration("argus.savepoint.interval");
        Some(CheckpointSettings {
            interval,
            timeout: duration("execution.checkpointing.timeout"),
            min_pause: duration("execution.checkpointing.min-pause"),
            tolerable_failures: tolerable.unwrap_or(0),
            n_retained: retained.and_then(|number| usize::try_from(number).ok()).unwrap_or(1),
            dir,
            savepoint_dir: text("execution.checkpointing.savepoint-dir"),
            savepoint_interval: (!savepoint_interval.is_zero()).then_some(savepoint_interval),
        })
    }
}

/// What follows a failure inside a job, under Flink's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RestartStrategy {
    /// The job fails.
    None,
    /// Pauses that grow.
    ExponentialDelay {
        /// First pause.
        initial: Duration,
        /// Longest pause.
        max: Duration,
        /// From one pause to the next, at least 1.
        multiplier: f64,
        /// After running this long the pauses begin anew.
        reset_after: Duration,
        /// Failures in a row after which the job fails.
        max_attempts: Option<u64>,
    },
    /// The same pause each time.
    FixedDelay {
        /// Number of restarts.
        attempts: u64,
        /// Pause before each.
        delay: Duration,
    },
    /// As long as failures are rare.
    FailureRate {
        /// Failures in an interval that are borne.
        max_failures: u64,
        /// The interval.
        interval: Duration,
        /// Pause before each restart.
        delay: Duration,
    },
}

impl RestartStrategy {
    fn of(options: &Options) -> Result<RestartStrategy, OptionError> {
        let takes_checkpoints = CheckpointSettings::of(options).is_some();
        let default = if takes_checkpoints { "exponential-delay" } else { "none" };
        let duration = |key: &str| options.duration(key).unwrap_or_default();
        let number = |key: &str| {
            options.int(key).and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
        };
        Ok(match options.word("restart-strategy.type").unwrap_or(default) {
            "exponential-delay" => RestartStrategy::ExponentialDelay {
                initial: duration("restart-strategy.exponential-delay.initial-backoff"),
                max: duration("restart-strategy.exponential-delay.max-backoff"),
                multiplier: multiplier(options)?,
                reset_after: duration("restart-strategy.exponential-delay.reset-backoff-threshold"),
                max_attempts: max_attempts(options)?,
            },
            "fixed-delay" => RestartStrategy::FixedDelay {
                attempts: number("restart-strategy.fixed-delay.attempts"),
                delay: duration("restart-strategy.fixed-delay.delay"),
            },
            "failure-rate" => RestartStrategy::FailureRate {
                max_failures: number("restart-strategy.failure-rate.max-failures-per-interval"),
                interval: duration("restart-strategy.failure-rate.failure-rate-interval"),
                delay: duration("restart-strategy.failure-rate.delay"),
            },
            _ => RestartStrategy::None,
        })
    }
}

fn multiplier(options: &Options) -> Result<f64, OptionError> {
    let key = "restart-strategy.exponential-delay.backoff-multiplier";
    let text = options.text(key).unwrap_or("2.0");
    let number = text.trim().parse().ok().filter(|number: &f64| *number >= 1.0);
    number.filter(|number| number.is_finite()).ok_or_else(|| OptionError::BadValue {
        key: key.to_owned(),
        value: text.to_owned(),
        problem: "expected a number from 1".to_owned(),
    })
}

fn max_attempts(options: &Options) -> Result<Option<u64>, OptionError> {
    let key = "restart-strategy.exponential-delay.attempts-before-reset-backoff";
    let Some(text) = options.text(key) else { return Ok(None) };
    let problem = "expected a number from 1".to_owned();
    let (key, value) = (key.to_owned(), text.to_owned());
    let number = text.trim().parse().ok().filter(|number| *number > 0);
    number.map(Some).ok_or(OptionError::BadValue { key, value, problem })
}

/// The settings of one job, checked.
#[derive(Clone, Debug)]
pub struct JobSettings {
    /// `pipeline.name`, or what the caller calls the job.
    pub name: String,
    /// Slots.
    pub parallelism: usize,
    /// Key groups.
    pub max_parallelism: u16,
    /// IANA name of the session zone.
    pub time_zone: String,
    /// `pipeline.auto-watermark-interval`.
    pub watermark_interval: Duration,
    /// `table.exec.source.idle-timeout`; `None` for 0.
    pub idle_timeout: Option<Duration>,
    /// `argus.watermark.idle-when-caught-up`.
    pub idle_when_caught_up: bool,
    /// `argus.watermark.advance-when-idle`; `None` for 0.
    pub advance_when_idle: Option<Duration>,
    /// `argus.source.on-error`.
    pub on_error: OnError,
    /// `argus.connect.timeout`.
    pub connect_timeout: Duration,
    /// How the job takes checkpoints; `None` where it takes none.
    pub checkpoints: Option<CheckpointSettings>,
    /// What follows a failure inside the job.
    pub restart: RestartStrategy,
    /// `table.exec.state.ttl`; `None` for 0.
    pub state_ttl: Option<Duration>,
    /// `argus.state.memory-limit` in bytes.
    pub memory_limit: Option<u64>,
    /// `argus.state.spill-dir`.
    pub spill_dir: Option<String>,
    /// Every checked setting.
    pub options: Options,
    /// As written, for connectors that read `argus.*` settings of their own.
    pub written: BTreeMap<String, String>,
}

impl JobSettings {
    /// Checks what SET statements and the command line said. `default_name` is the job's name
    /// where `pipeline.name` is not set, `system_zone` the zone for `default`.
    pub fn check(
        written: &BTreeMap<String, String>,
        default_name: &str,
        system_zone: &str,
    ) -> Result<JobSettings, OptionError> {
        let ours =
            |key: &str| key.starts_with("argus.") || SETTINGS.iter().any(|spec| spec.matches(key));
        let read = written.iter().filter(|(key, _)| ours(key));
        let read = read.map(|(key, value)| (key.clone(), value.clone())).collect();
        let options = Options::check(SETTINGS.iter().copied(), &read)?;
        check_mode(&options)?;
        let duration = |key| options.duration(key).unwrap_or_default();
        let some = |duration: Duration| (!duration.is_zero()).then_some(duration);
        let default_parallelism = options.int("parallelism.default").unwrap_or(1);
        let parallelism = match options.int("table.exec.resource.default-parallelism") {
            Some(number) if number > 0 => number,
            _ => default_parallelism,
        };
        let max_parallelism = options.int("pipeline.max-parallelism").unwrap_or(128);
        if parallelism > max_parallelism {
            return Err(OptionError::Conflict(format!(
                "the parallelism {parallelism} is above pipeline.max-parallelism, {max_parallelism}"
            )));
        }
        let zone = options.text("table.local-time-zone").unwrap_or("default");
        let zone = if zone == "default" { system_zone } else { zone };
        check_zone(zone)?;
        Ok(JobSettings {
            name: options.text("pipeline.name").unwrap_or(default_name).to_owned(),
            parallelism: usize::try_from(parallelism).unwrap_or(1),
            max_parallelism: u16::try_from(max_parallelism).unwrap_or(128),
            time_zone: zone.to_owned(),
            watermark_interval: duration("pipeline.auto-watermark-interval"),
            idle_timeout: some(duration("table.exec.source.idle-timeout")),
            idle_when_caught_up: options.bool("argus.watermark.idle-when-caught-up"),
            advance_when_idle: some(duration("argus.watermark.advance-when-idle")),
            on_error: match options.word("argus.source.on-error") {
                Some("skip") => OnError::Skip,
                _ => OnError::Fail,
            },
            connect_timeout: duration("argus.connect.timeout"),
            checkpoints: CheckpointSettings::of(&options),
            restart: RestartStrategy::of(&options)?,
            state_ttl: some(duration("table.exec.state.ttl")),
            memory_limit: options.memory_size("argus.state.memory-limit"),
            spill_dir: options.text("argus.state.spill-dir").map(str::to_owned),
            options,
            written: written.clone(),
        })
    }
}

fn check_mode(options: &Options) -> Result<(), OptionError> {
    let key = "execution.runtime-mode";
    if options.word(key) != Some("batch") {
        return Ok(());
    }
    let problem = "batch execution does not run yet; bounded input ends a streaming job with the \
                   same rows";
    Err(OptionError::NotYet { key: key.to_owned(), problem: problem.to_owned() })
}

fn check_zone(zone: &str) -> Result<(), OptionError> {
    let known =
        zone == "UTC" || jiff::tz::TimeZone::get(zone).is_ok() || fixed_offset(zone).is_some();
    let problem = "expected a zone such as 'Europe/Berlin', 'UTC' or 'GMT+08:00'";
    if known {
        return Ok(());
    }
    let (key, value) = ("table.local-time-zone".to_owned(), zone.to_owned());
    Err(OptionError::BadValue { key, value, problem: problem.to_owned() })
}

/// The zone of a name that `table.local-time-zone` accepts.
pub fn time_zone(name: &str) -> Option<jiff::tz::TimeZone> {
    if name == "UTC" {
        return Some(jiff::tz::TimeZone::UTC);
    }
    fixed_offset(name).or_else(|| jiff::tz::TimeZone::get(name).ok())
}

/// Java's `GMT+08:00`, `UTC-5`, `+01:00`.
fn fixed_offset(zone: &str) -> Option<jiff::tz::TimeZone> {
    let rest = zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")).unwrap_or(zone);
    let sign = match rest.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = rest[1..].split_once(':').unwrap_or((&rest[1..], "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let in_range = (0..=18).contains(&hours) && (0..60).contains(&minutes);
    let seconds = sign * (hours * 3600 + minutes * 60);
    let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
    in_range.then(|| jiff::tz::TimeZone::fixed(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &[(&str, &str)]) -> Result<JobSettings, String> {
        let written = written.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        JobSettings::check(&written, "job", "UTC").map_err(|error| error.to_string())
    }

    #[test]
    fn flinks_other_keys_are_ignored_and_ours_are_checked() {
        let settings =
            check(&[("state.backend.type", "rocksdb"), ("parallelism.default", "3")]).unwrap();
        assert_eq!((settings.parallelism, settings.name.as_str()), (3, "job"));
        let error = check(&[("argus.watermark.idle-when-cought-up", "true")]).unwrap_err();
        assert!(error.ends_with("did you mean 'argus.watermark.idle-when-caught-up'?"), "{error}");
    }

    #[test]
    fn batch_execution_is_not_passed_over() {
        let error = check(&[("execution.runtime-mode", "batch")]).unwrap_err();
        assert!(error.starts_with("batch execution does not run yet"), "{error}");
        assert!(check(&[("execution.runtime-mode", "STREAMING")]).is_ok());
    }

    #[test]
    fn zones() {
        assert!(check(&[("table.local-time-zone", "GMT+08:00")]).is_ok());
        assert!(check(&[("table.local-time-zone", "Europe/Berlin")]).is_ok());
        assert!(check(&[("table.local-time-zone", "Mars/Base")]).is_err());
    }
}
