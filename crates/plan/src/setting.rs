//! Job-level settings: what SET accepts, checked into what the engine reads.

mod checkpoint;
mod declared;
mod restart;
mod zone;

use std::collections::BTreeMap;
use std::time::Duration;

use argus_base::connector::OnError;
use argus_base::option::{OptionError, Options};

pub use checkpoint::CheckpointSettings;
use declared::OLD_NAMES;
pub use declared::SETTINGS;
pub use restart::RestartStrategy;
use zone::check_zone;
pub use zone::time_zone;

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
        let mut read: BTreeMap<String, String> =
            read.map(|(key, value)| (key.clone(), value.clone())).collect();
        read_old_names(written, &mut read);
        let options = Options::check(SETTINGS.iter().copied(), &read)?;
        check_mode(&options)?;
        checkpoint::check(&options)?;
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
        let checkpoints = CheckpointSettings::of(&options);
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
            restart: RestartStrategy::of(&options, checkpoints.is_some())?,
            checkpoints,
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

/// Puts values under old names where they are read.
fn read_old_names(written: &BTreeMap<String, String>, read: &mut BTreeMap<String, String>) {
    for (old, new) in OLD_NAMES {
        if let Some(value) = written.get(*old) {
            read.entry((*new).to_owned()).or_insert_with(|| value.clone());
        }
    }
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

    #[test]
    fn checkpoints_are_flinks() {
        assert_eq!(check(&[]).unwrap().checkpoints, None);
        let on = [("execution.checkpointing.interval", "60000")];
        let checkpoints = check(&on).unwrap().checkpoints.unwrap();
        let expected = CheckpointSettings {
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(600),
            min_pause: Duration::ZERO,
            tolerable_failures: 0,
            n_retained: 1,
            dir: None,
            savepoint_dir: None,
            savepoint_interval: None,
        };
        assert_eq!(checkpoints, expected);
        for without_effect in [
            ("execution.checkpointing.mode", "AT_LEAST_ONCE"),
            ("execution.checkpointing.unaligned.enabled", "true"),
            ("execution.checkpointing.max-concurrent-checkpoints", "2"),
        ] {
            assert_eq!(
                check(&[on[0], without_effect]).unwrap().checkpoints,
                Some(expected.clone())
            );
        }
    }

    #[test]
    fn a_folder_alone_means_checkpoints_and_zero_none() {
        let dir = ("execution.checkpointing.dir", "s3://bucket/jobs");
        let checkpoints = check(&[dir]).unwrap().checkpoints.unwrap();
        assert_eq!(checkpoints.interval, Duration::from_secs(1));
        assert_eq!(checkpoints.dir.as_deref(), Some("s3://bucket/jobs"));
        let off = ("execution.checkpointing.interval", "0");
        assert_eq!(check(&[dir, off]).unwrap().checkpoints, None);
        let error = check(&[("execution.checkpointing.interval", "9 ms")]).unwrap_err();
        assert!(error.ends_with("expected at least 10 ms"), "{error}");
        assert!(check(&[("execution.checkpointing.timeout", "0")]).is_err());
    }

    #[test]
    fn old_names_count_where_the_new_ones_are_not_written() {
        let old = [("state.checkpoints.dir", "/old"), ("restart-strategy", "off")];
        let settings = check(&old).unwrap();
        assert_eq!(settings.checkpoints.unwrap().dir.as_deref(), Some("/old"));
        assert_eq!(settings.restart, RestartStrategy::None);
        let settings = check(&[old[0], ("execution.checkpointing.dir", "/new")]).unwrap();
        assert_eq!(settings.checkpoints.unwrap().dir.as_deref(), Some("/new"));
    }

    #[test]
    fn restarts_are_flinks() {
        let on = ("execution.checkpointing.interval", "1 s");
        let restart = |written: &[(&str, &str)]| check(written).map(|settings| settings.restart);
        assert_eq!(restart(&[]), Ok(RestartStrategy::None));
        let default = RestartStrategy::ExponentialDelay {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(60),
            multiplier: 1.5,
            reset_after: Duration::from_secs(3600),
            max_attempts: None,
        };
        assert_eq!(restart(&[on]), Ok(default));
        assert_eq!(restart(&[on, ("restart-strategy.type", "Disable")]), Ok(RestartStrategy::None));
        let fixed = RestartStrategy::FixedDelay { attempts: 1, delay: Duration::from_secs(1) };
        assert_eq!(restart(&[("restart-strategy.type", "fixeddelay")]), Ok(fixed));
        let rate = RestartStrategy::FailureRate {
            max_failures: 1,
            interval: Duration::from_secs(60),
            delay: Duration::from_secs(1),
        };
        assert_eq!(restart(&[("restart-strategy.type", "failure-rate")]), Ok(rate));
        let multiplier = ("restart-strategy.exponential-delay.backoff-multiplier", "0.5");
        assert!(restart(&[on, multiplier]).unwrap_err().ends_with("expected a number from 1"));
        assert!(restart(&[("restart-strategy.type", "sometimes")]).is_err());
    }

    #[test]
    fn state_lives_as_long_as_it_is_said() {
        assert_eq!(check(&[]).unwrap().state_ttl, None);
        let settings = check(&[("table.exec.state.ttl", "1 d")]).unwrap();
        assert_eq!(settings.state_ttl, Some(Duration::from_secs(86_400)));
        let limit = check(&[("argus.state.memory-limit", "2 gb")]).unwrap().memory_limit;
        assert_eq!(limit, Some(2 << 30));
        let guarantee = ("argus.jdbc.delivery-guarantee", "Exactly-Once");
        let settings = check(&[guarantee]).unwrap();
        assert_eq!(settings.options.word(guarantee.0), Some("exactly-once"));
        assert!(check(&[("argus.jdbc.delivery-guarantee", "once")]).is_err());
    }
}
