//! Seeds of every scenario. `ARGUS_SIM_SEEDS=from..to` runs others.

use std::ops::Range;

use argus_sim::scenario::{self, Scenario};
use argus_sim::seeds::{asked, check};

/// Seeds that run where nobody asks for others.
const SEEDS: Range<u64> = 0..100;

fn run(scenario: &'static dyn Scenario) {
    for seed in asked(SEEDS) {
        check(scenario, seed);
    }
}

#[test]
fn filter() {
    run(&scenario::filter::Filter);
}

/// Otherwise a seed that failed could not be looked at.
#[test]
fn a_seed_is_the_whole_run() {
    for scenario in scenario::all() {
        for seed in 1_000..1_003 {
            assert_eq!(check(*scenario, seed), check(*scenario, seed), "{}", scenario.name());
        }
    }
}

#[test]
fn windows() {
    run(&scenario::windows::AllWindows);
}

/// The worker that is asked to end once everything is visible has lost the job to one that has
/// ended since: a third one has to end it.
#[test]
fn a_worker_without_the_job_is_asked_to_end() {
    check(&scenario::filter::Filter, 315);
}
