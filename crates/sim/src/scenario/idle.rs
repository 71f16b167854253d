//! A union of two topics of which the second falls silent: it no longer holds windows back once it
//! has been silent for its idle timeout. In some worlds it comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use super::payments::{
    COLUMNS, DELAY, LAST, Stream, Written, end, expected, in_order, outputs, statements, together,
};
use super::sinks::{SinkKind, commit_point};
use super::window_model::last_watermark;
use super::{Case, FROM_EARLIEST, Scenario, kafka, settings};
use crate::dice::Dice;
use crate::savepoints::SavepointUse;
use crate::time::BEGINNING_MS;

/// The scenario.
pub struct Idle;

impl Scenario for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let trouble = dice.time(Duration::from_secs(5), Duration::from_secs(20));
        let arrives = (Duration::ZERO, trouble);
        let n_rows = some(dice, 20, 300);
        let n_partitions = some(dice, 1, 2);
        let steady =
            Stream { topic: "steady", begins: BEGINNING_MS, arrives, n_rows, has_last: true };
        let steady = steady.draw(dice, n_partitions);
        let quiet = quiet(dice, trouble);
        let sinks = [dice.pick(&SinkKind::ALL), dice.pick(&SinkKind::ALL)];
        let end = end(dice, sinks);
        let all = together(&[&steady, &quiet]);
        // Where the other one came back its rows are later than that.
        let last = last_watermark(&steady.partitions, DELAY);
        let after = if end == StopKind::Drain { i64::MAX } else { last };
        let mut topics = outputs();
        topics.extend([steady.topic, quiet.topic]);
        Case {
            script: script(dice, sinks),
            variables: BTreeMap::new(),
            topics,
            feeds: in_order(vec![steady.feeds, quiet.feeds]),
            expected: expected(sinks, &all, last),
            expected_after_end: expected(sinks, &all, after),
            parallelisms: dice.pick(&[vec![1], vec![2], vec![1, 2, 4], vec![3]]),
            commit_point: commit_point(&sinks),
            savepoints: SavepointUse::None,
            end: Some(end),
            trouble,
        }
    }
}

fn some(dice: &mut Dice, least: u64, most: u64) -> usize {
    usize::try_from(dice.between(least, most)).unwrap_or(1)
}

/// Rows that are there from the beginning, then silence. What comes after that is later than all
/// that the other topic has, and so late for nobody, whether this one counts as idle or not.
fn quiet(dice: &mut Dice, trouble: Duration) -> Written {
    let n_partitions = some(dice, 1, 2);
    let at_once = (Duration::ZERO, Duration::ZERO);
    let n_rows = some(dice, 0, 100);
    let first =
        Stream { topic: "quiet", begins: BEGINNING_MS, arrives: at_once, n_rows, has_last: false };
    let mut written = first.draw(dice, n_partitions);
    if dice.chance(60_000) {
        let arrives = (dice.time(Duration::ZERO, trouble), trouble);
        let (begins, n_rows) = (BEGINNING_MS + 3 * LAST, some(dice, 1, 100));
        let more = Stream { topic: "quiet", begins, arrives, n_rows, has_last: false };
        let more = more.draw(dice, n_partitions);
        written.feeds.extend(more.feeds);
        for (partition, events) in written.partitions.iter_mut().zip(more.partitions) {
            partition.extend(events);
        }
    }
    written
}

fn script(dice: &mut Dice, sinks: [SinkKind; 2]) -> String {
    let timeout = dice.pick(&["500 ms", "2 s", "5 s"]);
    let steady = kafka("steady", FROM_EARLIEST);
    let idle = format!("{FROM_EARLIEST}, 'scan.watermark.idle-timeout' = '{timeout}'");
    let quiet = kafka("quiet", &idle);
    format!(
        "{}\
         CREATE TABLE steady ({COLUMNS}) WITH ({steady});\n\
         CREATE TABLE quiet ({COLUMNS}) WITH ({quiet});\n\
         CREATE VIEW payments AS SELECT k, amount, ts, t FROM steady \
         UNION ALL SELECT k, amount, ts, t FROM quiet;\n{}",
        settings(dice),
        statements(sinks)
    )
}
