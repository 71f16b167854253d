//! What follows a failure inside a job: `restart-strategy.*`.
//!
//! Accepted without effect: `restart-strategy.exponential-delay.jitter-factor`, for one process
//! has nobody to avoid.

use std::time::Duration;

use argus_base::option::{OptionError, Options};

/// The strategies and Flink's other spellings of them.
pub(super) const TYPES: &[&str] = &[
    "exponential-delay",
    "fixed-delay",
    "failure-rate",
    "none",
    "exponentialdelay",
    "fixeddelay",
    "failurerate",
    "off",
    "disable",
];

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
    pub(super) fn of(
        options: &Options,
        takes_checkpoints: bool,
    ) -> Result<RestartStrategy, OptionError> {
        let default = if takes_checkpoints { "exponential-delay" } else { "none" };
        let duration = |key: &str| options.duration(key).unwrap_or_default();
        let number = |key: &str| {
            options.int(key).and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
        };
        Ok(match options.word("restart-strategy.type").unwrap_or(default) {
            "exponential-delay" | "exponentialdelay" => RestartStrategy::ExponentialDelay {
                initial: duration("restart-strategy.exponential-delay.initial-backoff"),
                max: duration("restart-strategy.exponential-delay.max-backoff"),
                multiplier: multiplier(options)?,
                reset_after: duration("restart-strategy.exponential-delay.reset-backoff-threshold"),
                max_attempts: options
                    .int("restart-strategy.exponential-delay.attempts-before-reset-backoff")
                    .filter(|attempts| *attempts < i64::from(i32::MAX))
                    .and_then(|attempts| u64::try_from(attempts).ok()),
            },
            "fixed-delay" | "fixeddelay" => RestartStrategy::FixedDelay {
                attempts: number("restart-strategy.fixed-delay.attempts"),
                delay: duration("restart-strategy.fixed-delay.delay"),
            },
            "failure-rate" | "failurerate" => RestartStrategy::FailureRate {
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
    let number = options.double(key).filter(|number| *number >= 1.0);
    number.ok_or_else(|| OptionError::BadValue {
        key: key.to_owned(),
        value: options.text(key).unwrap_or_default().to_owned(),
        problem: "expected a number from 1".to_owned(),
    })
}
