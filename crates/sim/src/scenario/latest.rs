//! Kafka to a table with a key, written at once and over and over: in the end each key has its
//! last row. Whoever writes without being the owner any more puts an older one in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use argus_engine::StopKind;

use super::sinks::SinkKind;
use super::{
    Case, CommitPoint, FROM_EARLIEST, Feed, MAIN, Scenario, Topic, kafka, settings, times,
};
use crate::dice::Dice;
use crate::expectation::Latest;
use crate::savepoints::SavepointUse;
use crate::system::broker::Message;

/// The scenario.
pub struct LastRows;

impl Scenario for LastRows {
    fn name(&self) -> &'static str {
        "latest"
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let trouble = dice.time(Duration::from_secs(3), Duration::from_secs(20));
        let n_partitions = usize::try_from(dice.between(1, 4)).unwrap_or(1);
        let n_keys = dice.between(1, 6);
        let n_rows = usize::try_from(dice.between(20, 400)).unwrap_or(20);
        let (mut feeds, mut all, mut last) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        for (number, at) in times(dice, n_rows, trouble).into_iter().enumerate() {
            let key = dice.below(n_keys);
            let row = format!(r#"{{"k":"k{key}","id":{number}}}"#);
            feeds.push(Feed {
                at,
                servers: MAIN.to_owned(),
                topic: "orders".to_owned(),
                partition: usize::try_from(key).unwrap_or(0) % n_partitions,
                message: Message { key: None, body: row.clone().into_bytes() },
            });
            all.insert(row.clone());
            last.insert(key, row);
        }
        let last = last.into_values().collect();
        let (servers, name) = (MAIN.to_owned(), "orders".to_owned());
        Case {
            script: script(dice),
            variables: BTreeMap::new(),
            topics: vec![Topic { servers, name, n_partitions }],
            feeds,
            expected: vec![Box::new(Latest { table: "latest".to_owned(), all, last })],
            expected_after_end: Vec::new(),
            parallelisms: dice.pick(&[vec![1], vec![2], vec![1, 2, 4], vec![3]]),
            commit_point: CommitPoint::Store,
            savepoints: SavepointUse::None,
            end: Some(StopKind::Keep),
            trouble,
        }
    }
}

fn script(dice: &mut Dice) -> String {
    let source = kafka("orders", FROM_EARLIEST);
    format!(
        "{}CREATE TABLE orders (k STRING, id BIGINT) WITH ({source});\n{}\
         INSERT INTO latest SELECT k, id FROM orders;\n",
        settings(dice),
        SinkKind::Keyed.table("latest", "k STRING, id BIGINT", "k")
    )
}
