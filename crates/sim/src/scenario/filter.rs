//! Kafka to Kafka through a filter: every row once, those of one key in their order.

use std::collections::BTreeMap;
use std::time::Duration;

use argus_engine::StopKind;

use super::{
    Case, CommitPoint, FROM_EARLIEST, Feed, MAIN, Scenario, Topic, kafka, settings, times,
};
use crate::dice::Dice;
use crate::expectation::{Exactly, Place, Rows};
use crate::savepoints::SavepointUse;
use crate::system::broker::Message;

/// The scenario.
pub struct Filter;

impl Scenario for Filter {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let trouble = dice.time(Duration::from_secs(3), Duration::from_secs(20));
        let n_partitions = usize::try_from(dice.between(1, 4)).unwrap_or(1);
        let n_keys = dice.between(1, 8);
        let n_rows = usize::try_from(dice.between(20, 400)).unwrap_or(20);
        let (mut feeds, mut rows) = (Vec::new(), Rows::new());
        for (number, at) in times(dice, n_rows, trouble).into_iter().enumerate() {
            let (key, amount) = (dice.below(n_keys), dice.between(1, 10));
            let body = format!(r#"{{"id":{number},"k":"k{key}","amount":{amount}}}"#);
            feeds.push(Feed {
                at,
                servers: MAIN.to_owned(),
                topic: "orders".to_owned(),
                partition: usize::try_from(key).unwrap_or(0) % n_partitions,
                message: Message { key: None, body: body.into_bytes() },
            });
            if amount > 3 {
                let row = format!(r#"{{"id":{number},"k":"k{key}","doubled":{}}}"#, amount * 2);
                rows.insert(row, 1);
            }
        }
        let topic = |name: &str, n_partitions| {
            let (servers, name) = (MAIN.to_owned(), name.to_owned());
            Topic { servers, name, n_partitions }
        };
        let place = Place::Topic {
            servers: MAIN.to_owned(),
            topic: "accepted".to_owned(),
            order: Some(("k", "id")),
        };
        let n_accepted = usize::try_from(dice.between(1, 3)).unwrap_or(1);
        Case {
            script: script(dice),
            variables: BTreeMap::new(),
            topics: vec![topic("orders", n_partitions), topic("accepted", n_accepted)],
            feeds,
            expected: vec![Box::new(Exactly { place, rows })],
            expected_after_end: Vec::new(),
            parallelisms: dice.pick(&[vec![1], vec![2], vec![1, 2, 4], vec![4]]),
            commit_point: CommitPoint::Cluster(MAIN.to_owned()),
            savepoints: SavepointUse::None,
            end: Some(dice.pick(&[StopKind::Keep, StopKind::Drain])),
            trouble,
        }
    }
}

fn script(dice: &mut Dice) -> String {
    let source = kafka("orders", FROM_EARLIEST);
    let sink = kafka("accepted", ", 'key.fields' = 'k', 'key.format' = 'json'");
    format!(
        "{}\
         CREATE TABLE orders (id BIGINT, k STRING, amount INT) WITH ({source});\n\
         CREATE TABLE accepted (id BIGINT, k STRING, doubled INT) WITH ({sink});\n\
         INSERT INTO accepted SELECT id, k, amount * 2 FROM orders WHERE amount > 3;\n",
        settings(dice)
    )
}
