//! A union of two topics of which the first ends. The second goes on, and alone decides when
//! windows close; or it ends too, and with it the job, by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use super::payments::{COLUMNS, DELAY, Stream, WINDOW_COLUMNS, Written, in_order};
use super::sinks::{SinkKind, commit_point};
use super::window_model::{self, Event, Windows, all_windows, last_watermark};
use super::{Case, FROM_EARLIEST, MAIN, Scenario, Topic, kafka, settings};
use crate::dice::Dice;
use crate::expectation::{Exactly, Expectation, Rows};
use crate::time::BEGINNING_MS;

/// The scenario.
pub struct Ends;

impl Scenario for Ends {
    fn name(&self) -> &'static str {
        "ends"
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let trouble = dice.time(Duration::from_secs(3), Duration::from_secs(20));
        let both_end = dice.chance(50_000);
        let past = draw(dice, "past", Duration::ZERO, false);
        let until = if both_end { Duration::ZERO } else { trouble };
        let present = draw(dice, "present", until, !both_end);
        let sinks = [dice.pick(&SinkKind::ALL), dice.pick(&SinkKind::ALL)];
        let all: Vec<Vec<Event>> =
            past.partitions.iter().chain(&present.partitions).cloned().collect();
        let mut closed = all_windows(&all, Windows::Tumble(10_000), DELAY);
        if !both_end {
            let last = last_watermark(&present.partitions, DELAY);
            closed.retain(|(_, _, end), _| end - 1 <= last);
        }
        let end = (!both_end).then_some(StopKind::Keep);
        Case {
            script: script(dice, sinks, both_end),
            variables: BTreeMap::new(),
            topics: vec![past.topic, present.topic, output("totals"), output("even")],
            feeds: in_order(vec![past.feeds, present.feeds]),
            expected: vec![
                expect(sinks[0], "totals", window_model::rows(&closed)),
                expect(sinks[1], "even", even(sinks[1], &all)),
            ],
            parallelisms: dice.pick(&[vec![1], vec![2], vec![1, 2, 4], vec![3]]),
            commit_point: commit_point(&sinks),
            end,
            trouble,
        }
    }
}

fn draw(dice: &mut Dice, topic: &'static str, until: Duration, has_last: bool) -> Written {
    let n_rows = usize::try_from(dice.between(0, 300)).unwrap_or(0);
    let n_partitions = usize::try_from(dice.between(1, 3)).unwrap_or(1);
    let begins = BEGINNING_MS + i64::try_from(dice.below(60_000)).unwrap_or(0);
    let arrives = (Duration::ZERO, until);
    Stream { topic, begins, arrives, n_rows, has_last }.draw(dice, n_partitions)
}

fn output(name: &str) -> Topic {
    Topic { servers: MAIN.to_owned(), name: name.to_owned(), n_partitions: 2 }
}

fn expect(sink: SinkKind, name: &str, rows: Rows) -> Box<dyn Expectation> {
    Box::new(Exactly { place: sink.place(name), rows })
}

/// The rows of the second statement; a table whose key they all are has equal ones once.
fn even(sink: SinkKind, partitions: &[Vec<Event>]) -> Rows {
    let mut rows = Rows::new();
    for event in partitions.iter().flatten().filter(|event| event.amount % 2 == 0) {
        let Event { key, amount, time } = event;
        let row = format!(r#"{{"ts":{time},"k":"{key}","amount":{amount}}}"#);
        let n_equal = rows.entry(row).or_default();
        *n_equal = if sink == SinkKind::Keyed { 1 } else { *n_equal + 1 };
    }
    rows
}

fn script(dice: &mut Dice, sinks: [SinkKind; 2], both_end: bool) -> String {
    let settings = settings(dice);
    let bounded = format!("{FROM_EARLIEST}, 'scan.bounded.mode' = 'latest-offset'");
    let past = kafka("past", &bounded);
    let present = kafka("present", if both_end { &bounded } else { FROM_EARLIEST });
    let totals = sinks[0].table("totals", WINDOW_COLUMNS, "k, starts");
    let even = sinks[1].table("even", "ts BIGINT, k STRING, amount BIGINT", "ts, k, amount");
    format!(
        "{settings}\
         CREATE TABLE past ({COLUMNS}) WITH ({past});\n\
         CREATE TABLE present ({COLUMNS}) WITH ({present});\n\
         CREATE VIEW payments AS SELECT k, amount, ts, t FROM past \
         UNION ALL SELECT k, amount, ts, t FROM present;\n\
         {totals}{even}\
         EXECUTE STATEMENT SET BEGIN\n\
         INSERT INTO totals SELECT k, window_start, window_end, COUNT(*), SUM(amount), \
         MIN(amount), MAX(amount) \
         FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(t), INTERVAL '10' SECOND)) \
         GROUP BY k, window_start, window_end;\n\
         INSERT INTO even SELECT ts, k, amount FROM payments WHERE MOD(amount, 2) = 0;\n\
         END;\n"
    )
}
