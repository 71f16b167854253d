//! Payments as several scenarios read them: topics of rows nearly in order of their event time, and
//! the tables and statements over them.

use std::time::Duration;

use argus_engine::StopKind;

use super::sinks::{SinkKind, exactly};
use super::window_model::{self, Event, Windows, all_windows};
use super::{Feed, MAIN, Topic, times};
use crate::dice::Dice;
use crate::expectation::{Expectation, Rows};
use crate::system::broker::Message;

/// How far the watermark is behind the latest row, in milliseconds.
pub const DELAY: i64 = 2_000;

/// The columns of a topic of payments.
pub const COLUMNS: &str = "id BIGINT, k STRING, amount BIGINT, ts BIGINT, \
                           t AS TO_TIMESTAMP_LTZ(ts, 3), \
                           WATERMARK FOR t AS t - INTERVAL '2' SECOND";

/// The columns of a table of windows.
const WINDOW_COLUMNS: &str = "k STRING, starts TIMESTAMP(3), ends TIMESTAMP(3), n BIGINT, \
                                  total BIGINT, least BIGINT, most BIGINT";

/// A topic with rows none of which is late in its partition.
pub struct Stream {
    /// Its name.
    pub topic: &'static str,
    /// The event time that it begins with.
    pub begins: i64,
    /// When the first row arrives at the earliest, and the last one at the latest.
    pub arrives: (Duration, Duration),
    /// How many rows it has.
    pub n_rows: usize,
    /// Whether each partition ends with a row that closes all windows before.
    pub has_last: bool,
}

/// How much later than all others the last row of a partition is.
pub const LAST: i64 = 3_600_000;

/// What is written to a topic.
pub struct Written {
    /// The topic.
    pub topic: Topic,
    /// Its messages in order of arrival.
    pub feeds: Vec<Feed>,
    /// The rows by partition.
    pub partitions: Vec<Vec<Event>>,
}

impl Stream {
    /// Draws its rows for that many partitions.
    pub fn draw(&self, dice: &mut Dice, n_partitions: usize) -> Written {
        let n_keys = dice.between(1, 8);
        let step = dice.between(20, 300);
        let n_last = if self.has_last { n_partitions } else { 0 };
        let (from, until) = self.arrives;
        let arrivals = times(dice, self.n_rows + n_last, until.saturating_sub(from));
        let mut partitions: Vec<Vec<Event>> = vec![Vec::new(); n_partitions];
        let mut feeds = Vec::new();
        for (number, at) in arrivals.into_iter().enumerate() {
            let is_last = number >= self.n_rows;
            let partition = if is_last { number - self.n_rows } else { dice.index(n_partitions) };
            let now = self.begins + i64::try_from(number as u64 * step).unwrap_or(0);
            let jitter = i64::try_from(dice.below(1_500)).unwrap_or(0);
            let event = Event {
                // Other keys in each world, for other key groups.
                key: format!("k{}-{}", self.n_rows, dice.below(n_keys)),
                amount: i64::try_from(dice.between(1, 100)).unwrap_or(1),
                time: if is_last { now + LAST } else { now - jitter },
            };
            feeds.push(self.feed(from + at, partition, number, &event));
            partitions[partition].push(event);
        }
        let (servers, name) = (MAIN.to_owned(), self.topic.to_owned());
        Written { topic: Topic { servers, name, n_partitions }, feeds, partitions }
    }

    fn feed(&self, at: Duration, partition: usize, number: usize, event: &Event) -> Feed {
        let Event { key, amount, time } = event;
        let body = format!(r#"{{"id":{number},"k":"{key}","amount":{amount},"ts":{time}}}"#);
        Feed {
            at,
            servers: MAIN.to_owned(),
            topic: self.topic.to_owned(),
            partition,
            message: Message { key: None, body: body.into_bytes() },
        }
    }
}

/// All partitions of several topics.
pub fn together(written: &[&Written]) -> Vec<Vec<Event>> {
    written.iter().flat_map(|written| written.partitions.iter().cloned()).collect()
}

/// Two statements over the view `payments` in one job: its windows of ten seconds into `totals`,
/// and all its rows into `passed`.
pub fn statements([totals, passed]: [SinkKind; 2]) -> String {
    let totals = totals.table("totals", WINDOW_COLUMNS, "k, starts");
    let passed = passed.table("passed", "ts BIGINT, k STRING, amount BIGINT", "ts, k, amount");
    format!(
        "{totals}{passed}\
         EXECUTE STATEMENT SET BEGIN\n\
         INSERT INTO totals SELECT k, window_start, window_end, COUNT(*), SUM(amount), \
         MIN(amount), MAX(amount) \
         FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(t), INTERVAL '10' SECOND)) \
         GROUP BY k, window_start, window_end;\n\
         INSERT INTO passed SELECT ts, k, amount FROM payments;\n\
         END;\n"
    )
}

/// What the statements come to once the watermark is there: all rows, so that nothing is left to
/// be read where they are visible, and the windows before it.
pub fn expected(
    sinks: [SinkKind; 2],
    partitions: &[Vec<Event>],
    watermark: i64,
) -> Vec<Box<dyn Expectation>> {
    let mut closed = all_windows(partitions, Windows::Tumble(10_000), DELAY);
    closed.retain(|(_, _, end), _| end - 1 <= watermark);
    let mut passed = Rows::new();
    for Event { key, amount, time } in partitions.iter().flatten() {
        let row = format!(r#"{{"ts":{time},"k":"{key}","amount":{amount}}}"#);
        *passed.entry(row).or_default() += 1;
    }
    vec![
        exactly(sinks[0], "totals", window_model::rows(&closed)),
        exactly(sinks[1], "passed", passed),
    ]
}

/// How a job with these sinks is ended. It is drained only where visible rows have been
/// committed: of others the last worker may not have read all again.
pub fn end(dice: &mut Dice, sinks: [SinkKind; 2]) -> StopKind {
    let drawn = dice.pick(&[StopKind::Keep, StopKind::Drain]);
    if sinks[1] == SinkKind::Keyed { StopKind::Keep } else { drawn }
}

/// The topics that the statements may write.
pub fn outputs() -> Vec<Topic> {
    let output = |name: &str| {
        let (servers, name) = (MAIN.to_owned(), name.to_owned());
        Topic { servers, name, n_partitions: 2 }
    };
    vec![output("totals"), output("passed")]
}

/// The messages of several topics in order of arrival.
pub fn in_order(written: Vec<Vec<Feed>>) -> Vec<Feed> {
    let mut feeds: Vec<Feed> = written.into_iter().flatten().collect();
    feeds.sort_by_key(|feed| feed.at);
    feeds
}
