//! Runs every case below `tests/sql` through the binary and compares with what Flink answered.
//!
//! `tests/sql/README.md` says what a case is. Each runs at the parallelisms 1, 2 and 4 with the
//! same expected rows. `ARGUS_SQL_CASES=window/hop,type` runs only those whose name begins so.

mod sql_case;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sql_case::{Case, cases, listed};

const PARALLELISMS: [usize; 3] = [1, 2, 4];
const DIFFERENCES: &str = "tests/sql/known-differences.txt";
/// Processes at a time; a case mostly waits for its process to start.
const N_WORKERS: usize = 4;

#[test]
fn every_case_gives_what_flink_gave() {
    let wanted = std::env::var("ARGUS_SQL_CASES").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').filter(|name| !name.is_empty()).collect();
    let mut cases = cases(Path::new("tests/sql"));
    cases.retain(|case| wanted.is_empty() || wanted.iter().any(|name| case.name.starts_with(name)));
    let failures = run_all(&cases);
    let known = listed(DIFFERENCES);
    let mut n_surprises = 0;
    for case in &cases {
        match (failures.get(&case.name), known.get(&case.name)) {
            (Some(failure), None) => {
                n_surprises += 1;
                println!("sql: {}: {failure}", case.name);
            }
            (None, Some(_)) => {
                n_surprises += 1;
                println!("sql: {}: equal now: take it out of {DIFFERENCES}", case.name);
            }
            _ => {}
        }
    }
    let gone =
        known.keys().filter(|name| wanted.is_empty() && !cases.iter().any(|c| c.name == **name));
    for name in gone {
        n_surprises += 1;
        println!("sql: {name}: {DIFFERENCES} names a case that is not there");
    }
    let (n_cases, n_failed) = (cases.len(), failures.len());
    let n_equal = n_cases - n_failed;
    println!(
        "sql: {n_equal} of {n_cases} cases equal, {n_failed} differ, {} known to",
        known.len()
    );
    assert_eq!(n_surprises, 0, "cases differ that should not, or no longer do");
}

/// The first line of what is wrong, by name of the case.
fn run_all(cases: &[Case]) -> BTreeMap<String, String> {
    let failures = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..N_WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failed = PARALLELISMS.iter().find_map(|n| Some((*n, case.run(*n).err()?)));
                    if let Some((parallelism, failure)) = failed {
                        let text = format!("parallelism {parallelism}: {failure}");
                        failures.lock().unwrap().insert(case.name.clone(), text);
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}
