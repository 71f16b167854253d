//! How many rows are due: pure arithmetic on elapsed time.

use std::time::Duration;

/// Rows come due in steps of this, so that a fast table makes batches and not single rows.
const STEP: Duration = Duration::from_millis(5);
/// Most that a reader catches up with after it was held up; what is older is never made up for.
const MAX_DEBT: Duration = Duration::from_secs(5);

/// The rate of all readers together.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Rows a minute of event time.
    pub rows_per_minute: u64,
    /// Times real time; 0 is as fast as possible.
    pub speed: f64,
}

impl Pace {
    /// Rows due after that time: rows 0 to the result, exclusive. Row 0 is due at once.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a table makes fewer than 2^53 rows, and a negative number of them never"
    )]
    pub fn rows_due(&self, elapsed: Duration) -> u64 {
        if self.speed == 0.0 {
            return u64::MAX;
        }
        let steps = elapsed.as_nanos() / STEP.as_nanos();
        let seconds = steps as f64 * STEP.as_secs_f64();
        // Half a millionth of a row covers the error of the doubles.
        (seconds * self.rows_per_second() + 5e-7) as u64 + 1
    }

    /// How much of the time since the start is forgiven, when `next` is the next row to make: the
    /// clock is set forward by it.
    #[allow(clippy::cast_precision_loss, reason = "a table makes fewer than 2^53 rows")]
    pub fn forgiven(&self, elapsed: Duration, next: u64) -> Duration {
        if self.speed == 0.0 {
            return Duration::ZERO;
        }
        let due_at = Duration::try_from_secs_f64(next as f64 / self.rows_per_second());
        elapsed.saturating_sub(due_at.unwrap_or(Duration::MAX)).saturating_sub(MAX_DEBT)
    }

    #[allow(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
    fn rows_per_second(&self) -> f64 {
        self.rows_per_minute as f64 / 60.0 * self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_spread_over_the_second() {
        let pace = Pace { rows_per_minute: 6_000, speed: 1.0 };
        let due = |millis| pace.rows_due(Duration::from_millis(millis));
        assert_eq!([due(0), due(9), due(10), due(500), due(30_000)], [1, 1, 2, 51, 3_001]);
        let fast = Pace { rows_per_minute: 60_000_000, speed: 1.0 };
        assert_eq!(fast.rows_due(Duration::from_secs(30)), 30_000_001);
        assert_eq!(fast.rows_due(Duration::from_millis(7)), 5_001);
    }

    #[test]
    fn speed_counts_in_event_time() {
        let rows = |speed| Pace { rows_per_minute: 60, speed }.rows_due(Duration::from_secs(10));
        assert_eq!([rows(1.0), rows(10.0), rows(0.0)], [11, 101, u64::MAX]);
    }

    #[test]
    fn a_long_stall_is_forgiven_and_a_short_one_made_up_for() {
        let pace = Pace { rows_per_minute: 60, speed: 1.0 };
        assert_eq!(pace.forgiven(Duration::from_secs(14), 10), Duration::ZERO);
        assert_eq!(pace.forgiven(Duration::from_secs(75), 10), Duration::from_secs(60));
    }
}
