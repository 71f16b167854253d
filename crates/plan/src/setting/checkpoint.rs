//! How a job takes checkpoints: `execution.checkpointing.*`.
//!
//! Accepted without effect: Flink's `mode`, `unaligned.*`, `max-concurrent-checkpoints` and
//! `externalized-checkpoint-retention`. Checkpoints here are aligned, one at a time, and stay.

use std::time::Duration;

use argus_base::option::{OptionError, Options};

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
/// Flink's least interval and timeout.
const LEAST: Duration = Duration::from_millis(10);

impl CheckpointSettings {
    pub(super) fn of(options: &Options) -> Option<CheckpointSettings> {
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

/// Times that Flink refuses. An interval of 0, which Flink refuses too, takes no checkpoints.
pub(super) fn check(options: &Options) -> Result<(), OptionError> {
    for key in ["execution.checkpointing.interval", "execution.checkpointing.timeout"] {
        let is_off = |time: &Duration| time.is_zero() && key.ends_with("interval");
        let time = options.duration(key).filter(|time| !is_off(time));
        if time.is_some_and(|time| time < LEAST) {
            let value = options.text(key).unwrap_or_default().to_owned();
            let problem = "expected at least 10 ms".to_owned();
            return Err(OptionError::BadValue { key: key.to_owned(), value, problem });
        }
    }
    Ok(())
}
