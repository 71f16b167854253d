//! What must be visible in the end, computed without the engine, and how far it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::system::broker::Message;
use crate::world::{World, lock};

/// As long after the trouble no worker goes back any more.
const SETTLED: Duration = Duration::from_secs(100);

/// How far an output is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something is missing; what, for people.
    Incomplete(String),
    /// All of it is there, once.
    Complete,
    /// What must never be; why.
    Wrong(String),
}

/// What must be visible in the end.
pub trait Expectation {
    /// How far it is.
    fn judge(&self, world: &World) -> Verdict;
}

/// Rows as text, each so many times.
pub type Rows = BTreeMap<String, u64>;

/// Exactly these rows in one place.
pub struct Exactly {
    /// Where.
    pub place: Place,
    /// Which rows.
    pub rows: Rows,
}

/// The last row of each key in a table that is written over and over.
pub struct Latest {
    /// The table.
    pub table: String,
    /// Every row that it may have for a time.
    pub all: BTreeSet<String>,
    /// Those that it has in the end.
    pub last: BTreeSet<String>,
}

impl Expectation for Latest {
    fn judge(&self, world: &World) -> Verdict {
        let table = lock(&world.database).table(&self.table);
        if let Some(row) = table.written.iter().find(|row| !self.all.contains(*row)) {
            return Verdict::Wrong(format!("{}: for a time it had {row}", self.table));
        }
        let now: BTreeSet<String> = table.keyed.into_values().collect();
        // Whoever goes back writes older rows again, before the last ones.
        if world.time.passed() < world.calm_from() + SETTLED {
            return Verdict::Incomplete(format!("{}: it may go back", self.table));
        }
        match self.last.difference(&now).next() {
            None if now.len() == self.last.len() => Verdict::Complete,
            None => Verdict::Wrong(format!("{} has {} keys", self.table, now.len())),
            Some(row) => Verdict::Incomplete(format!("{}: {row}", self.table)),
        }
    }
}

/// Where rows become visible.
#[derive(Clone, Debug)]
pub enum Place {
    /// A topic. With two fields: within a partition the rows that have the same value of the first
    /// are in ascending order of the second.
    Topic {
        /// The cluster.
        servers: String,
        /// The topic.
        topic: String,
        /// Key and order.
        order: Option<(&'static str, &'static str)>,
    },
    /// A table of the database.
    Table(String),
    /// The visible files of a folder.
    Folder(String),
}

impl Expectation for Exactly {
    fn judge(&self, world: &World) -> Verdict {
        let found = match self.place.rows(world) {
            Ok(found) => found,
            Err(wrong) => return Verdict::Wrong(wrong),
        };
        let verdict = compare(&self.rows, &found);
        let name = || format!("{:?}", self.place);
        match verdict {
            Verdict::Incomplete(what) => Verdict::Incomplete(format!("{}: {what}", name())),
            Verdict::Wrong(what) => Verdict::Wrong(format!("{}: {what}", name())),
            Verdict::Complete => self.place.check_history(world, &self.rows),
        }
    }
}

impl Place {
    /// The rows that are visible; an error where they are in the wrong order.
    pub fn rows(&self, world: &World) -> Result<Vec<String>, String> {
        match self {
            Place::Topic { servers, topic, order } => {
                let brokers = lock(&world.brokers);
                let Some(broker) = brokers.get(servers) else { return Ok(Vec::new()) };
                let partitions = broker.committed(topic);
                if let Some(order) = order {
                    partitions.iter().try_for_each(|messages| check_order(messages, *order))?;
                }
                Ok(partitions.iter().flatten().map(text).collect())
            }
            Place::Table(name) => {
                let table = lock(&world.database).table(name);
                Ok(table.keyed.into_values().chain(table.appended).collect())
            }
            Place::Folder(path) => {
                let folders = lock(&world.folders);
                let Some(folder) = folders.get(path) else { return Ok(Vec::new()) };
                Ok(folder.visible.values().flatten().cloned().collect())
            }
        }
    }

    /// Rows of a table with a key may be written again, but never others than the right ones.
    fn check_history(&self, world: &World, rows: &Rows) -> Verdict {
        let Place::Table(name) = self else { return Verdict::Complete };
        let written = lock(&world.database).table(name).written;
        match written.iter().find(|row| !rows.contains_key(*row)) {
            Some(row) => Verdict::Wrong(format!("{name}: for a time it had {row}")),
            None => Verdict::Complete,
        }
    }
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}

fn check_order(messages: &[Message], (key, order): (&str, &str)) -> Result<(), String> {
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for message in messages {
        let row: Value = serde_json::from_slice(&message.body).unwrap_or_default();
        let number = row[order].as_i64().unwrap_or_default();
        let before = last.insert(row[key].to_string(), number);
        if before.is_some_and(|before| before >= number) {
            return Err(format!("{} comes after {}", text(message), before.unwrap_or_default()));
        }
    }
    Ok(())
}

/// Compares rows with those that must be there.
pub fn compare(expected: &Rows, found: &[String]) -> Verdict {
    let mut counts = Rows::new();
    for row in found {
        *counts.entry(row.clone()).or_default() += 1;
    }
    for (row, n_found) in &counts {
        let n_expected = expected.get(row).copied().unwrap_or_default();
        if *n_found > n_expected {
            return Verdict::Wrong(format!("{n_found} times instead of {n_expected}: {row}"));
        }
    }
    let is_missing = |(row, n): &(&String, &u64)| counts.get(*row).copied().unwrap_or(0) < **n;
    let missing: BTreeSet<&String> =
        expected.iter().filter(is_missing).map(|(row, _)| row).collect();
    match missing.first() {
        None => Verdict::Complete,
        Some(row) => Verdict::Incomplete(format!(
            "{} of {} rows, one is {row}",
            missing.len(),
            expected.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted() {
        let expected: Rows = [("a".to_owned(), 1), ("b".to_owned(), 2)].into();
        let found = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
        assert_eq!(compare(&expected, &found(&["a", "b", "b"])), Verdict::Complete);
        assert!(matches!(compare(&expected, &found(&["b"])), Verdict::Incomplete(_)));
        assert!(matches!(compare(&expected, &found(&["a", "a"])), Verdict::Wrong(_)));
        assert!(matches!(compare(&expected, &found(&["c"])), Verdict::Wrong(_)));
    }
}
