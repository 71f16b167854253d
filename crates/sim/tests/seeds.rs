//! Seeds of every scenario, then those that once failed. `ARGUS_SIM_SEEDS=from..to` runs others.

use argus_sim::scenario::{self, Scenario};
use argus_sim::seeds::{asked, check};

/// Runs that many seeds, or those that somebody asks for.
fn run(scenario: &'static dyn Scenario, n_seeds: u64) {
    for seed in asked(0..n_seeds) {
        check(scenario, seed);
    }
}

#[test]
fn filter() {
    run(&scenario::filter::Filter, 100);
}

#[test]
fn windows() {
    run(&scenario::windows::AllWindows, 60);
}

#[test]
fn ends() {
    run(&scenario::ends::Ends, 60);
}

#[test]
fn idle() {
    run(&scenario::idle::Idle, 60);
}

#[test]
fn latest() {
    run(&scenario::latest::LastRows, 50);
}

#[test]
fn savepoints() {
    run(&scenario::savepoints::Savepoints, 60);
}

#[test]
fn streampulse() {
    run(&scenario::streampulse::StreamPulse, 30);
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

/// The worker that is asked to end once everything is visible has lost the job to one that has
/// ended since: a third one has to end it.
#[test]
fn a_worker_without_the_job_is_asked_to_end() {
    check(&scenario::filter::Filter, 315);
}

/// A commit that arrives late, in the producer's next transaction, ends none of that.
#[test]
fn a_late_commit_ends_its_own_transaction_only() {
    check(&scenario::filter::Filter, 999);
}

/// Readers without partitions hold the watermark back until they have said that they have none:
/// rows that came before were late at one parallelism and not at another.
#[test]
fn late_rows_are_late_at_every_parallelism() {
    for seed in [238, 363, 1_272, 1_386, 1_659] {
        check(&scenario::windows::AllWindows, seed);
    }
}

/// A partition whose rows have all been read is restored by another reader: its watermark counts
/// although no further row comes.
#[test]
fn restored_watermarks_count_without_further_rows() {
    for seed in [279, 428, 1_399, 1_871] {
        check(&scenario::windows::AllWindows, seed);
    }
}

/// A partition that has ended before the others are known, at a start in the middle of a bounded
/// topic: every row of the others came too late.
#[test]
fn a_partition_that_has_ended_closes_no_window() {
    for seed in [52, 248, 891] {
        check(&scenario::ends::Ends, seed);
    }
}

/// A stopped source beside idle ones: its subtask counted as idle, and windows fired behind the
/// last barrier.
#[test]
fn a_stopped_job_fires_no_window() {
    for seed in [457, 892] {
        check(&scenario::idle::Idle, seed);
    }
}

/// A worker begins from a savepoint and dies before its first checkpoint; the next one goes on
/// where the former life stood, and applied once more what was staged there.
#[test]
fn a_begin_from_a_savepoint_is_on_record() {
    for seed in [61, 97, 120, 160, 245] {
        check(&scenario::savepoints::Savepoints, seed);
    }
}
