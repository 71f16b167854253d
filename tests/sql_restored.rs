//! Runs every SQL case that has rows killed and restored, at other parallelism each time, and
//! compares with what Flink answered.
//!
//! A life of a job ends right after a commit that a seed chooses, with few rows between two
//! barriers; the next one goes on from it: 1 slot, then 3, then 2. `ARGUS_SQL_CASES=window/hop`
//! runs only cases whose name begins so, `ARGUS_SQL_SEED=…` the lives of a run that was printed.

mod restored;
mod sql_case;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use argus_base::Env;
use argus_base::env::splitmix64;

use restored::lives::{self, Outcome, Script};
use sql_case::{Case, cases, listed};

/// Cases whose rows depend on the order in which rows arrive, with the reason.
const ORDERED: &str = "tests/sql/known-restored.txt";
const DIFFERENCES: &str = "tests/sql/known-differences.txt";
const N_WORKERS: usize = 4;
/// Of all cases with a source, so many must go on from a checkpoint with state.
const LEAST_WITH_STATE: usize = 100;

#[test]
fn every_case_gives_the_same_when_killed_restored_and_rescaled() {
    let seed = std::env::var("ARGUS_SQL_SEED").ok();
    let seed = seed.map_or_else(|| Env::system().random(), |seed| seed.parse().unwrap());
    let wanted = std::env::var("ARGUS_SQL_CASES").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').filter(|name| !name.is_empty()).collect();
    let (differences, ordered) = (listed(DIFFERENCES), listed(ORDERED));
    let mut cases = cases(Path::new("tests/sql"));
    cases.retain(|case| case.rows().is_some() && !differences.contains_key(&case.name));
    let gone = ordered.keys().find(|name| !cases.iter().any(|case| case.name == **name));
    assert_eq!(gone, None, "{ORDERED} names a case that is not there");
    cases.retain(|case| wanted.is_empty() || wanted.iter().any(|name| case.name.starts_with(name)));
    cases.retain(|case| !ordered.contains_key(&case.name));

    println!("sql: killed and restored with seed {seed}");
    let (failures, totals) = run_all(&cases, seed);
    for (name, failure) in &failures {
        println!("sql: {name}: {failure}");
    }
    let Totals { n_jobs, n_restores, n_cases_restored, n_cases_with_state } = totals;
    let n_equal = cases.len() - failures.len();
    println!(
        "sql: {n_equal} of {} cases equal, {} left out; {n_jobs} jobs, {n_restores} restores; \
         {n_cases_restored} cases restored, {n_cases_with_state} of them with state",
        cases.len(),
        ordered.len(),
    );
    assert_eq!(failures.len(), 0, "cases differ when they are killed and restored");
    assert!(!wanted.is_empty() || n_cases_with_state >= LEAST_WITH_STATE);
}

#[derive(Default)]
struct Totals {
    n_jobs: usize,
    n_restores: usize,
    n_cases_restored: usize,
    n_cases_with_state: usize,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        self.n_jobs += outcome.n_jobs;
        self.n_restores += outcome.n_restores;
        self.n_cases_restored += usize::from(outcome.n_restores > 0);
        self.n_cases_with_state += usize::from(outcome.n_with_state > 0);
    }
}

/// What is wrong, by name of the case.
fn run_all(cases: &[Case], seed: u64) -> (BTreeMap<String, String>, Totals) {
    let done = Mutex::new((BTreeMap::new(), Totals::default()));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..N_WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = run(case, seed);
                    let (failures, totals) = &mut *done.lock().unwrap();
                    match run {
                        Ok(outcome) => totals.add(&outcome),
                        Err(failure) => {
                            failures.insert(case.name.clone(), failure);
                        }
                    }
                }
            });
        }
    });
    done.into_inner().unwrap()
}

fn run(case: &Case, seed: u64) -> Result<Outcome, String> {
    let out = tempfile::tempdir().unwrap();
    let folder = case.folder();
    let text = case.text();
    // A case has the lives of its name, whichever others run.
    let own = case.name.bytes().fold(seed, |mixed, byte| splitmix64(mixed ^ u64::from(byte)));
    let outcome = lives::run(&Script { text: &text, folder: &folder, out: out.path(), seed: own })?;
    case.compare(outcome.lines.join("\n"), out.path())?;
    Ok(outcome)
}
