//! What has happened in a world, for people and for the proof that a seed replays: the last events
//! as text, and a hash over all of them.

use std::collections::VecDeque;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Events that are kept.
const MAX_EVENTS: usize = 400;

/// The events of a world.
#[derive(Debug, Default)]
pub struct Trace {
    events: VecDeque<String>,
    hash: u64,
    is_printed: bool,
}

impl Trace {
    /// Nothing has happened. `is_printed`: events go to stderr as they come.
    pub fn new(is_printed: bool) -> Trace {
        Trace { is_printed, ..Trace::default() }
    }

    /// Something happened.
    pub fn note(&mut self, at: Duration, event: &str) {
        let line = format!("{:>12.6} {event}", at.as_secs_f64());
        self.hash = xxh3_64_with_seed(line.as_bytes(), self.hash);
        if self.is_printed {
            eprintln!("{line}");
        }
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(line);
    }

    /// A hash over all events in order.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The last events, a line each.
    pub fn last(&self) -> String {
        self.events.iter().map(|event| format!("{event}\n")).collect()
    }
}
