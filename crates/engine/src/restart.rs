//! The restart strategies, under Flink's names: whether a failure is followed by a restart, and
//! after which pause.

use std::collections::VecDeque;
use std::time::Duration;

use argus_plan::setting::RestartStrategy;

/// What one strategy remembers.
pub(crate) struct Restarts {
    strategy: RestartStrategy,
    /// Failures since the pauses began anew.
    n_in_row: u64,
    n_failures: u64,
    /// Pause of the last restart.
    pause: Duration,
    /// When the last failures were, oldest first; bounded by the strategy's own limit.
    recent: VecDeque<Duration>,
}

impl Restarts {
    pub(crate) fn new(strategy: RestartStrategy) -> Restarts {
        let (pause, recent) = (Duration::ZERO, VecDeque::new());
        Restarts { strategy, n_in_row: 0, n_failures: 0, pause, recent }
    }

    /// Failures so far.
    pub(crate) fn n_failures(&self) -> u64 {
        self.n_failures
    }

    /// The job failed at `now` after it ran for `ran`. Returns the pause before the restart, or
    /// `None` where there is none.
    pub(crate) fn after_failure(&mut self, now: Duration, ran: Duration) -> Option<Duration> {
        self.n_failures += 1;
        match self.strategy {
            RestartStrategy::None => None,
            RestartStrategy::FixedDelay { attempts, delay } => {
                (self.n_failures <= attempts).then_some(delay)
            }
            RestartStrategy::FailureRate { max_failures, interval, delay } => {
                self.recent.push_back(now);
                while self.recent.front().is_some_and(|at| *at + interval <= now) {
                    self.recent.pop_front();
                }
                (self.recent.len() as u64 <= max_failures).then_some(delay)
            }
            RestartStrategy::ExponentialDelay {
                initial,
                max,
                multiplier,
                reset_after,
                max_attempts,
            } => {
                if ran >= reset_after || self.n_in_row == 0 {
                    self.n_in_row = 0;
                    self.pause = initial;
                } else {
                    self.pause = self.pause.mul_f64(multiplier).min(max);
                }
                self.n_in_row += 1;
                max_attempts.is_none_or(|most| self.n_in_row <= most).then_some(self.pause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn exponential(max_attempts: Option<u64>) -> Restarts {
        Restarts::new(RestartStrategy::ExponentialDelay {
            initial: SECOND,
            max: SECOND * 60,
            multiplier: 2.0,
            reset_after: SECOND * 300,
            max_attempts,
        })
    }

    #[test]
    fn pauses_grow_and_begin_anew() {
        let mut restarts = exponential(None);
        let pauses: Vec<u64> = (0..8)
            .filter_map(|_| restarts.after_failure(SECOND, SECOND))
            .map(|pause| pause.as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(restarts.after_failure(SECOND, SECOND * 300), Some(SECOND));
    }

    #[test]
    fn attempts_are_counted() {
        let mut restarts = exponential(Some(2));
        let given_up = (0..3).map(|_| restarts.after_failure(SECOND, SECOND).is_none());
        assert_eq!(given_up.collect::<Vec<_>>(), [false, false, true]);
        let mut fixed = Restarts::new(RestartStrategy::FixedDelay { attempts: 1, delay: SECOND });
        assert_eq!(fixed.after_failure(SECOND, SECOND), Some(SECOND));
        assert_eq!(fixed.after_failure(SECOND, SECOND), None);
    }

    #[test]
    fn rates_forget_what_is_long_ago() {
        let mut rate = Restarts::new(RestartStrategy::FailureRate {
            max_failures: 1,
            interval: SECOND * 10,
            delay: SECOND,
        });
        assert_eq!(rate.after_failure(SECOND, SECOND), Some(SECOND));
        assert_eq!(rate.after_failure(SECOND * 20, SECOND), Some(SECOND));
        assert_eq!(rate.after_failure(SECOND * 21, SECOND), None);
    }
}
