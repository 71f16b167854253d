//! A union of two topics of which the first ends. The second goes on, and alone decides when
//! windows close; or it ends too, and with it the job, by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use super::payments::{
    COLUMNS, DELAY, Stream, Written, end, expected, in_order, outputs, statements, together,
};
use super::sinks::{SinkKind, commit_point};
use super::window_model::last_watermark;
use super::{Case, FROM_EARLIEST, Scenario, kafka, settings};
use crate::dice::Dice;
use crate::savepoints::SavepointUse;
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
        let all = together(&[&past, &present]);
        let last = if both_end { i64::MAX } else { last_watermark(&present.partitions, DELAY) };
        let end = (!both_end).then(|| end(dice, sinks));
        let after = if end == Some(StopKind::Drain) { i64::MAX } else { last };
        let mut topics = outputs();
        topics.extend([past.topic, present.topic]);
        Case {
            script: script(dice, sinks, both_end),
            variables: BTreeMap::new(),
            topics,
            feeds: in_order(vec![past.feeds, present.feeds]),
            expected: expected(sinks, &all, last),
            expected_after_end: expected(sinks, &all, after),
            parallelisms: dice.pick(&[vec![1], vec![2], vec![1, 2, 4], vec![3]]),
            commit_point: commit_point(&sinks),
            savepoints: SavepointUse::None,
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

fn script(dice: &mut Dice, sinks: [SinkKind; 2], both_end: bool) -> String {
    let bounded = format!("{FROM_EARLIEST}, 'scan.bounded.mode' = 'latest-offset'");
    let past = kafka("past", &bounded);
    let present = kafka("present", if both_end { &bounded } else { FROM_EARLIEST });
    format!(
        "{}\
         CREATE TABLE past ({COLUMNS}) WITH ({past});\n\
         CREATE TABLE present ({COLUMNS}) WITH ({present});\n\
         CREATE VIEW payments AS SELECT k, amount, ts, t FROM past \
         UNION ALL SELECT k, amount, ts, t FROM present;\n{}",
        settings(dice),
        statements(sinks)
    )
}
