//! Windows computed plainly, from every row: what the engine's must come to.

use std::collections::BTreeMap;

use crate::expectation::Rows;

/// A row that is counted.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its key.
    pub key: String,
    /// What is summed.
    pub amount: i64,
    /// Its event time in milliseconds.
    pub time: i64,
}

/// How time is cut; all in milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Windows {
    /// Of one size, one after another.
    Tumble(i64),
    /// A slide and a size.
    Hop(i64, i64),
    /// A step and the greatest size.
    Cumulate(i64, i64),
}

impl Windows {
    /// The windows that a time lies in: start and end.
    pub fn of(self, time: i64) -> Vec<(i64, i64)> {
        match self {
            Windows::Tumble(size) => {
                let start = time.div_euclid(size) * size;
                vec![(start, start + size)]
            }
            Windows::Hop(slide, size) => {
                let last = time.div_euclid(slide) * slide;
                let starts = (0..size / slide).map(|n| last - n * slide);
                starts.map(|start| (start, start + size)).filter(|(_, end)| *end > time).collect()
            }
            Windows::Cumulate(step, size) => {
                let start = time.div_euclid(size) * size;
                let ends = (1..=size / step).map(|n| start + n * step);
                ends.filter(|end| *end > time).map(|end| (start, end)).collect()
            }
        }
    }
}

/// What a window holds of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Rows.
    pub count: i64,
    /// Sum of the amounts.
    pub sum: i64,
    /// The least of them.
    pub min: i64,
    /// The greatest of them.
    pub max: i64,
}

/// Key, start and end.
pub type WindowKey = (String, i64, i64);

/// The windows of some partitions that the watermark closes in the end, and what they hold. With
/// one partition a row is late by what came before it; of several no row may be.
pub fn aggregate(
    partitions: &[Vec<Event>],
    windows: Windows,
    delay: i64,
) -> BTreeMap<WindowKey, Totals> {
    let mut found = all_windows(partitions, windows, delay);
    let last = last_watermark(partitions, delay);
    found.retain(|(_, _, end), _| end - 1 <= last);
    found
}

/// The watermark of some partitions in the end; `i64::MAX` of none.
pub fn last_watermark(partitions: &[Vec<Event>], delay: i64) -> i64 {
    let of_partition = |events: &Vec<Event>| {
        events.iter().map(|event| event.time - delay).max().unwrap_or(i64::MIN)
    };
    partitions.iter().map(of_partition).min().unwrap_or(i64::MAX)
}

/// Every window that holds a row, closed or not, by the same rule.
pub fn all_windows(
    partitions: &[Vec<Event>],
    windows: Windows,
    delay: i64,
) -> BTreeMap<WindowKey, Totals> {
    let mut found: BTreeMap<WindowKey, Totals> = BTreeMap::new();
    for events in partitions {
        let mut watermark = i64::MIN;
        for event in events {
            for (start, end) in windows.of(event.time) {
                if end - 1 <= watermark {
                    assert_eq!(partitions.len(), 1, "a row of several partitions is late");
                    continue;
                }
                let totals = found.entry((event.key.clone(), start, end));
                totals.and_modify(|totals| totals.add(event.amount)).or_insert(Totals {
                    count: 1,
                    sum: event.amount,
                    min: event.amount,
                    max: event.amount,
                });
            }
            watermark = watermark.max(event.time - delay);
        }
    }
    found
}

impl Totals {
    fn add(&mut self, amount: i64) {
        self.count += 1;
        self.sum += amount;
        self.min = self.min.min(amount);
        self.max = self.max.max(amount);
    }
}

/// The rows of windows as the columns `k, starts, ends, n, total, least, most`.
pub fn rows(windows: &BTreeMap<WindowKey, Totals>) -> Rows {
    windows.iter().map(|(key, totals)| (row(key, *totals), 1)).collect()
}

fn row((key, start, end): &WindowKey, totals: Totals) -> String {
    let Totals { count, sum, min, max } = totals;
    let (start, end) = (timestamp(*start), timestamp(*end));
    format!(
        "{{\"k\":\"{key}\",\"starts\":\"{start}\",\"ends\":\"{end}\",\"n\":{count},\
         \"total\":{sum},\"least\":{min},\"most\":{max}}}"
    )
}

/// A time as JSON has it, of whole seconds since 1970.
pub fn timestamp(millis: i64) -> String {
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000) / 1_000);
    // Days to civil, as in every book on calendars: years begin in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_their_times() {
        assert_eq!(Windows::Tumble(10).of(19), [(10, 20)]);
        assert_eq!(Windows::Hop(5, 15).of(19), [(15, 30), (10, 25), (5, 20)]);
        assert_eq!(Windows::Cumulate(5, 20).of(13), [(0, 15), (0, 20)]);
    }

    #[test]
    fn late_rows_count_where_their_window_is_open() {
        let event = |time| Event { key: "k".to_owned(), amount: time, time };
        let events = vec![event(1), event(12), event(3), event(40)];
        let found = aggregate(&[events], Windows::Hop(5, 10), 0);
        let at = |start, end| found.get(&("k".to_owned(), start, end)).map(|totals| totals.sum);
        assert_eq!(
            (at(-5, 5), at(0, 10), at(5, 15), at(10, 20)),
            (Some(1), Some(1), Some(12), Some(12))
        );
    }

    #[test]
    fn times_have_a_text() {
        assert_eq!(timestamp(1_704_067_200_000), "2024-01-01 00:00:00");
        assert_eq!(timestamp(1_709_208_001_000), "2024-02-29 12:00:01");
    }
}
