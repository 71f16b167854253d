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
        "argus.kafka.create-topic-partitions",
        OptionKind::Text,
        "Partitions of a missing topic that a Kafka sink creates; empty: it is an error.",
    ),
];

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
