//! What was killed, and how what was written differs from what should have been.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::death::seed;

/// Differences that are shown.
const MAX_SHOWN: usize = 10;

/// The account of one target.
pub struct Tally {
    target: &'static str,
    /// Kills by place.
    kills: BTreeMap<String, usize>,
    /// Lives that went on from a checkpoint of those before.
    n_resumed: usize,
    n_rows: usize,
    n_lost: usize,
    n_doubled: usize,
    shown: Vec<String>,
}

impl Tally {
    /// Nothing has happened.
    pub fn new(target: &'static str) -> Tally {
        let (kills, shown) = (BTreeMap::new(), Vec::new());
        Tally { target, kills, n_resumed: 0, n_rows: 0, n_lost: 0, n_doubled: 0, shown }
    }

    /// A life is over, which resumed a checkpoint or did not.
    pub fn lived(&mut self, has_resumed: bool) {
        self.n_resumed += usize::from(has_resumed);
    }

    /// A life ended there.
    pub fn killed(&mut self, place: &str) {
        *self.kills.entry(place.to_owned()).or_default() += 1;
    }

    /// Rows were compared elsewhere, and found to be what they should.
    pub fn compared(&mut self, n_rows: usize) {
        self.n_rows += n_rows;
    }

    /// Compares the rows of a table, in any order: a row that is missing is lost, one that is too
    /// many doubled; a wrong one is both.
    pub fn compare(&mut self, table: &str, expected: Vec<String>, found: Vec<String>) {
        self.n_rows += expected.len();
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        for row in expected {
            *left.entry(row).or_default() += 1;
        }
        for row in found {
            match left.get_mut(&row) {
                Some(n) if *n > 0 => *n -= 1,
                _ => {
                    self.n_doubled += 1;
                    self.show(format!("{table}: too many: {row}"));
                }
            }
        }
        for (row, n) in left.into_iter().filter(|(_, n)| *n > 0) {
            self.n_lost += n;
            self.show(format!("{table}: missing {n} times: {row}"));
        }
    }

    fn show(&mut self, difference: String) {
        if self.shown.len() < MAX_SHOWN {
            self.shown.push(difference);
        }
    }

    /// Prints the account; fails where a row was lost or doubled.
    pub fn close(self) {
        let mut text = format!("{}:", self.target);
        if !self.kills.is_empty() {
            text = self.kills_text();
        }
        let (n_rows, n_lost, n_doubled) = (self.n_rows, self.n_lost, self.n_doubled);
        println!("{text} {n_rows} rows, {n_lost} lost, {n_doubled} doubled");
        assert_eq!((n_lost, n_doubled), (0, 0), "{}", self.shown.join("\n"));
    }

    fn kills_text(&self) -> String {
        let n_kills: usize = self.kills.values().sum();
        let mut text = format!("kill: {} (seed {}): {n_kills} kills:", self.target, seed());
        for (place, n) in &self.kills {
            let _infallible = write!(text, " {place} {n},");
        }
        let _infallible = write!(text, " {} lives resumed,", self.n_resumed);
        text
    }
}
