//! How long a whole process takes that reads a small file.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::argus::{Argus, Variables};

const N_ROUNDS: usize = 20;
const N_ROWS: usize = 100;

/// Measures it and says so in one line.
pub fn start_up(argus: &Argus) -> Result<String> {
    let file = std::env::temp_dir().join(format!("argus-bench-{}.json", std::process::id()));
    let row = |i: usize| {
        let (minute, second) = (i / 60, i % 60);
        let at = format!("2026-01-01 12:{minute:02}:{second:02}");
        format!("{{\"id\": {i}, \"city\": \"Oslo\", \"amount\": 20.5, \"at\": \"{at}\"}}\n")
    };
    std::fs::write(&file, (0..N_ROWS).map(row).collect::<String>())?;
    let variables = Variables::from([("BENCH_FILE", file.display().to_string())]);
    let mut millis = Vec::new();
    for _ in 0..N_ROUNDS {
        let begun = Instant::now();
        let printed = argus.run("benches/startup.sql", &variables, &[])?;
        millis.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(printed.lines().count() == 2, "two minutes were expected:\n{printed}");
    }
    std::fs::remove_file(&file)?;
    millis.sort_by(f64::total_cmp);
    let (least, median) = (millis[0], millis[N_ROUNDS / 2]);
    Ok(format!(
        "`argus run` of a file of {N_ROWS} rows: {least:.1} ms at best, {median:.1} ms median"
    ))
}
