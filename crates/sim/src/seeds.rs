//! Many seeds, one after another, and what to say of one that fails.

use std::fmt::Write;
use std::ops::Range;

use crate::scenario::Scenario;
use crate::simulation::{Facts, Failure, run};

/// The seeds that a test runs: `from..to` of `ARGUS_SIM_SEEDS`, else those given.
pub fn asked(default: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var("ARGUS_SIM_SEEDS") else { return default };
    let bounds = text.split_once("..").map(|(from, to)| (from.parse(), to.parse()));
    match bounds {
        Some((Ok(from), Ok(to))) => from..to,
        _ => panic!("ARGUS_SIM_SEEDS is from..to, found '{text}'"),
    }
}

/// Whether every event is to be printed.
pub fn is_traced() -> bool {
    std::env::var_os("ARGUS_SIM_TRACE").is_some()
}

/// Runs a seed, and panics with all there is to know where it is not clean.
pub fn check(scenario: &'static dyn Scenario, seed: u64) -> Facts {
    match run(scenario, seed, is_traced()) {
        Ok(facts) => facts,
        Err(failure) => panic!("{}", describe(&failure)),
    }
}

/// A failure for people: what, the events before it, and how to see it again.
pub fn describe(failure: &Failure) -> String {
    let Failure { scenario, seed, reason, events } = failure;
    let mut text = format!("\n{events}\n");
    let until = seed + 1;
    let _infallible = write!(
        text,
        "seed {seed} of the scenario '{scenario}' is not clean: {reason}\n\
         again: ARGUS_SIM_TRACE=1 ARGUS_SIM_SEEDS={seed}..{until} \
         cargo test -p argus-sim {scenario}"
    );
    text
}
