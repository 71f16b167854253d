//! A job that is stopped with savepoints, begins from them, and has another parallelism at each
//! start; where its sinks have keys it also goes back to older ones.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use super::payments::{COLUMNS, DELAY, Stream, end, expected, outputs, statements};
use super::sinks::{SinkKind, commit_point};
use super::window_model::last_watermark;
use super::{Case, FROM_EARLIEST, Scenario, kafka, settings};
use crate::dice::Dice;
use crate::savepoints::SavepointUse;
use crate::time::BEGINNING_MS;

/// The scenario.
pub struct Savepoints;

impl Scenario for Savepoints {
    fn name(&self) -> &'static str {
        "savepoints"
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let trouble = dice.time(Duration::from_secs(3), Duration::from_secs(20));
        let n_rows = usize::try_from(dice.between(20, 400)).unwrap_or(20);
        let n_partitions = usize::try_from(dice.between(1, 4)).unwrap_or(1);
        let (begins, arrives) = (BEGINNING_MS, (Duration::ZERO, trouble));
        let stream = Stream { topic: "payments", begins, arrives, n_rows, has_last: true };
        let written = stream.draw(dice, n_partitions);
        let savepoints = dice.pick(&[SavepointUse::Resume, SavepointUse::GoBack]);
        let sinks = match savepoints {
            SavepointUse::GoBack => [SinkKind::Keyed; 2],
            _ => [dice.pick(&SinkKind::ALL), dice.pick(&SinkKind::ALL)],
        };
        let end = end(dice, sinks);
        let last = last_watermark(&written.partitions, DELAY);
        let after = if end == StopKind::Drain { i64::MAX } else { last };
        let mut topics = outputs();
        topics.push(written.topic);
        Case {
            script: script(dice, sinks),
            variables: BTreeMap::new(),
            topics,
            feeds: written.feeds,
            expected: expected(sinks, &written.partitions, last),
            expected_after_end: expected(sinks, &written.partitions, after),
            parallelisms: vec![1, 2, 3, 4],
            commit_point: commit_point(&sinks),
            savepoints,
            end: Some(end),
            trouble,
        }
    }
}

fn script(dice: &mut Dice, sinks: [SinkKind; 2]) -> String {
    let source = kafka("payments", FROM_EARLIEST);
    format!(
        "{}CREATE TABLE payments ({COLUMNS}) WITH ({source});\n{}",
        settings(dice),
        statements(sinks)
    )
}
