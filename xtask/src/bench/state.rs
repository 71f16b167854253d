//! What state and checkpoints cost: throughput by interval, the share of the state that a
//! checkpoint writes, how soon a job processes again, and a state far beyond the memory limit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::argus::{Argus, Running, Variables};
use super::folder::Folder;
use super::measure::Span;
use super::page::Page;
use super::process::peak_mib;

const SCRIPT: &str = "benches/state.sql";
const MIB: f64 = 1024.0 * 1024.0;

/// A job that keeps a row of state a key.
struct Job<'a> {
    argus: &'a Argus,
    folder: &'a Folder,
    /// The key of row `id`, in SQL.
    key: String,
}

impl Job<'_> {
    fn variables(&self, interval: &str) -> Variables {
        Variables::from([
            ("BENCH_DIR", self.folder.path().display().to_string()),
            ("BENCH_INTERVAL", interval.to_owned()),
            ("BENCH_KEY", self.key.clone()),
        ])
    }

    fn start(&self, interval: &str) -> Result<Running> {
        self.argus.start(SCRIPT, &self.variables(interval))
    }
}

/// Every row is of another key until all have been there: the order that dirties most.
fn spread(n_keys: u64) -> String {
    format!("MOD(id, {n_keys})")
}

fn state_mib(page: &Page) -> f64 {
    page.sum("argus_operator_state_bytes") / MIB
}

/// How many keys make so much state. Bytes a key depend on how full the table of keys is, so a
/// second run looks near the size that is wanted.
fn keys_of(argus: &Argus, mib: f64) -> Result<u64> {
    let near = scaled(argus, 200_000, mib)?;
    scaled(argus, near, mib)
}

fn scaled(argus: &Argus, n_keys: u64, mib: f64) -> Result<u64> {
    let folder = Folder::new("size")?;
    let job = Job { argus, folder: &folder, key: spread(n_keys) };
    let running = job.start("1 s")?;
    let page = running.wait("the state of some keys", |page| is_filled(page, n_keys))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    let scaled = (n_keys as f64 * mib / state_mib(&page)) as u64;
    Ok(scaled)
}

/// Every key has been there, and a checkpoint since.
#[allow(clippy::cast_precision_loss, reason = "a count")]
fn is_filled(page: &Page, n_keys: u64) -> bool {
    let n_held = page.sum("argus_operator_state_keys");
    n_held >= n_keys as f64 && page.sum("argus_operator_state_bytes") > 0.0
}

/// Throughput with checkpoints at some intervals beside that without.
pub fn intervals(argus: &Argus, span: &Span, n_rounds: usize) -> Result<Vec<String>> {
    const STATE_MIB: f64 = 50.0;
    const INTERVALS: [(&str, f64); 4] =
        [("0 s", 1.0), ("10 s", 0.95), ("1 s", 0.85), ("100 ms", 0.60)];
    let n_keys = keys_of(argus, STATE_MIB)?;
    let folder = Folder::new("intervals")?;
    let job = Job { argus, folder: &folder, key: spread(n_keys) };
    let mut rates: [Vec<f64>; 4] = Default::default();
    for round in 0..n_rounds {
        for ((interval, _), rates) in INTERVALS.iter().zip(&mut rates) {
            eprintln!("bench: checkpoints every {interval}, round {} of {n_rounds}", round + 1);
            let variables = job.variables(interval);
            let figures = argus.measure(SCRIPT, &variables, u64::MAX, span)?;
            rates.push(figures.rows_per_second());
            std::fs::remove_dir_all(folder.path())?;
            std::fs::create_dir_all(folder.path())?;
        }
    }
    let medians = rates.map(median);
    let lines = INTERVALS.iter().zip(medians).map(|((interval, bar), rate)| {
        let head = format!("{STATE_MIB:.0} MiB of state,");
        if *bar == 1.0 {
            return format!("{head} no checkpoints: {rate:.0} rows/s");
        }
        let (share, bar) = (rate / medians[0] * 100.0, bar * 100.0);
        format!(
            "{head} a checkpoint every {interval}: {rate:.0} rows/s, {share:.1} % (at least \
             {bar:.0} %)"
        )
    });
    Ok(lines.collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How soon a job of that state processes again, from the start of its process.
pub fn restore(argus: &Argus, mib: f64, bar: Duration) -> Result<String> {
    let n_keys = keys_of(argus, mib)?;
    let folder = Folder::new("restore")?;
    let job = Job { argus, folder: &folder, key: spread(n_keys) };
    eprintln!("bench: {mib:.0} MiB of state in {n_keys} keys");
    let running = job.start("1 s")?;
    let page = running.wait("the state", |page| is_filled(page, n_keys))?;
    let held = state_mib(&page);
    // Some more checkpoints: a chain as long as in a job that has run for a while.
    let n_taken = page.sum("argus_checkpoints_total");
    running.wait("checkpoints", |page| page.sum("argus_checkpoints_total") >= n_taken + 5.0)?;
    running.stop()?;
    let mut seconds = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let running = job.start("1 s")?;
        while running.n_read()? == 0.0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let (seconds, bar) = (median(seconds), bar.as_secs());
    Ok(format!(
        "process start to processing with {held:.0} MiB of state: {seconds:.2} s (at most {bar} s)"
    ))
}

/// What a checkpoint writes and how long a slot stands still, of a large state of which one key in
/// a hundred changes.
pub fn dirty(argus: &Argus, mib: f64) -> Result<Vec<String>> {
    let n_keys = keys_of(argus, mib)?;
    let folder = Folder::new("dirty")?;
    let n_hot = n_keys / 100;
    let key = format!("CASE WHEN id < {n_keys} THEN id ELSE MOD(id, {n_hot}) END");
    let job = Job { argus, folder: &folder, key };
    eprintln!("bench: {mib:.0} MiB of state in {n_keys} keys, {n_hot} of them change");
    let running = job.start("5 s")?;
    let page = running.wait("the state", |page| is_filled(page, n_keys))?;
    // The first checkpoints after it still write what is new.
    let n_filled = page.sum("argus_checkpoints_total");
    let at_least = |n: f64| move |page: &Page| page.sum("argus_checkpoints_total") >= n_filled + n;
    let before = running.wait("checkpoints", at_least(2.0))?;
    let mut shares = Vec::new();
    for n in 3..=7_u8 {
        let page = running.wait("a checkpoint", at_least(f64::from(n)))?;
        shares.push(page.sum("argus_checkpoint_bytes") / page.sum("argus_operator_state_bytes"));
    }
    let after = running.page()?;
    let name = "argus_checkpoint_seal_seconds";
    let seals = after.histogram(name).since(&before.histogram(name));
    let (held, share) = (state_mib(&after), median(shares) * 100.0);
    let (mean, bound) = (seals.mean() * 1e3, seals.bound() * 1e3);
    Ok(vec![
        format!(
            "{held:.0} MiB of state, 1 % dirty: a checkpoint writes {share:.2} % (at most 3 %)"
        ),
        format!(
            "{held:.0} MiB of state, 1 % dirty: a seal takes {mean:.1} ms on average, none more \
             than {bound:.0} ms (at most 50 ms)"
        ),
    ])
}

/// What a job over many keys, each twice, within a memory limit came to.
struct ManyKeys {
    printed: String,
    most_mib: f64,
    seconds: f64,
}

fn many_keys(argus: &Argus, script: &str, n_keys: u64, limit_mib: u64) -> Result<ManyKeys> {
    let limit = format!("{limit_mib} mb");
    let variables = Variables::from([
        ("BENCH_MEMORY", limit.clone()),
        ("BENCH_ROWS", (2 * n_keys).to_string()),
        ("BENCH_KEYS", n_keys.to_string()),
    ]);
    eprintln!("bench: {n_keys} keys within {limit}: {script}");
    let begun = Instant::now();
    let (printed, most_mib) = peak_mib(argus.command(script, &variables))?;
    Ok(ManyKeys { printed, most_mib, seconds: begun.elapsed().as_secs_f64() })
}

/// Keys of a window beyond the memory limit: the result must be exact.
pub fn keys(argus: &Argus, n_keys: u64, limit_mib: u64) -> Result<String> {
    let done = many_keys(argus, "benches/keys.sql", n_keys, limit_mib)?;
    let ManyKeys { printed, most_mib, seconds } = done;
    let n_rows = 2 * n_keys;
    let row: Value = serde_json::from_str(printed.trim()).with_context(|| printed.clone())?;
    let number = |name: &str| row["row"][name].as_u64().unwrap_or(0);
    let found = (number("n_keys"), number("n_rows"), number("total"));
    ensure!(found == (n_keys, n_rows, n_rows * (n_rows - 1) / 2), "not exact: {printed}");
    Ok(format!(
        "{n_keys} keys of a window in {seconds:.0} s, exact: {most_mib:.0} MiB resident at most \
         (at most {limit_mib} MiB)"
    ))
}

/// The same without a window: the result of each key must be exact, of which some are looked at.
pub fn updated_keys(argus: &Argus, n_keys: u64, limit_mib: u64) -> Result<String> {
    let done = many_keys(argus, "benches/updated_keys.sql", n_keys, limit_mib)?;
    let mut n_found = 0;
    for line in done.printed.lines() {
        let row: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let number = |name: &str| row["row"][name].as_u64().unwrap_or(0);
        ensure!(number("total") == 2 * number("k") + n_keys, "not exact: {line}");
        n_found += 1;
    }
    ensure!(n_found == n_keys.div_ceil(100), "{n_found} keys came twice");
    let ManyKeys { most_mib, seconds, .. } = done;
    Ok(format!(
        "{n_keys} keys without a window in {seconds:.0} s, exact: {most_mib:.0} MiB resident at \
         most (at most {limit_mib} MiB)"
    ))
}
