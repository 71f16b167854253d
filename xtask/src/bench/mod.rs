//! Benchmarks on real servers: `cargo xtask bench`.
//!
//! Topics are filled first, then a job reads them flat out. "Per core" is rows ÷ (user + system CPU
//! seconds of the engine's process), measured after a warm-up; wall-clock throughput stands beside
//! it, since broker and database run on the same machine. Flink runs the same SQL on the same data.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock and waits")]

mod argus;
mod flink;
mod folder;
mod http;
mod json;
mod measure;
mod page;
mod process;
mod server;
mod sinks;
mod small;
mod state;
mod streampulse;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::tree;
use argus::Argus;
use flink::Flink;
use measure::{Figures, Span};
use server::{Kafka, Postgres};

const HELP: &str = "\
cargo xtask bench [OPTION…] [CASE…]
  json         Kafka JSON → 1-minute window by key → Kafka
  streampulse  Kafka Avro → StreamPulse's job → PostgreSQL
  decode       JSON, Avro and CSV decode alone
  small        start-up time and idle memory
Without a case: these. Of state and checkpoints:
  checkpoint   throughput by interval, 50 MiB of state, interleaved runs
  restore      process start to processing again, 100 MiB and 1 GiB of state
  dirty        what a checkpoint of 1 GiB writes, and how long it stops a slot, 1 % dirty
  keys         20,000,000 keys within 1 GiB of memory, with and without a window
  alignment    how long barriers take while a sink is slow
  visible      from a row to a reader of committed messages in Kafka
  --built      takes target/release/argus as it is
  --quick      5 s each instead of 30 s, a tenth of the state
  --flink      the same SQL on Flink too, where java is there
  --memory     the case json over 60 minutes of 10,000 rows/s: memory must stay level";

const CASES: [&str; 10] = [
    "small",
    "decode",
    "json",
    "streampulse",
    "checkpoint",
    "restore",
    "dirty",
    "keys",
    "alignment",
    "visible",
];
/// Those without which `cargo xtask bench` says nothing.
const DEFAULT_CASES: &[&str] = CASES.split_at(4).0;
/// Intervals at which rows are seen.
const VISIBLE_MILLIS: [u64; 2] = [100, 1_000];

/// Memory may grow by so much after the warm-up.
const MOST_GROWTH: f64 = 0.05;
/// Rows of 60 minutes at 10,000 a second.
const HOUR_ROWS: u64 = 36_000_000;

/// What was asked for.
struct Wanted {
    is_built: bool,
    is_quick: bool,
    flink: bool,
    memory: bool,
    cases: Vec<String>,
}

impl Wanted {
    fn parse(arguments: &[String]) -> Result<Wanted> {
        let (options, mut cases): (Vec<String>, Vec<String>) =
            arguments.iter().cloned().partition(|argument| argument.starts_with("--"));
        let known = ["--built", "--quick", "--flink", "--memory"];
        for argument in &options {
            ensure!(known.contains(&argument.as_str()), "unknown option '{argument}'\n{HELP}");
        }
        for case in &cases {
            ensure!(CASES.contains(&case.as_str()), "unknown case '{case}'\n{HELP}");
        }
        let has = |option: &str| options.iter().any(|given| given == option);
        if cases.is_empty() {
            let all: &[&str] = if has("--memory") { &["json"] } else { DEFAULT_CASES };
            cases = all.iter().map(|case| (*case).to_owned()).collect();
        }
        let (is_built, is_quick) = (has("--built"), has("--quick"));
        let (flink, memory) = (has("--flink"), has("--memory"));
        Ok(Wanted { is_built, is_quick, flink, memory, cases })
    }

    fn has(&self, case: &str) -> bool {
        self.cases.iter().any(|wanted| wanted == case)
    }

    fn span(&self) -> Span {
        let seconds = |warm_up, window| Span {
            warm_up: Duration::from_secs(warm_up),
            window: Duration::from_secs(window),
        };
        if self.is_quick { seconds(2, 5) } else { seconds(5, 30) }
    }

    /// Enough for the span at some rows a second.
    fn n_rows(&self, per_second: u64) -> u64 {
        let span = self.span();
        (span.warm_up + span.window).as_secs() * per_second
    }
}

/// Runs what is wanted and prints the figures.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--help") {
        bail!("{HELP}");
    }
    let wanted = Wanted::parse(arguments)?;
    let argus = Argus::release();
    if !wanted.is_built {
        argus.build()?;
    }
    let mut report = Vec::new();
    if wanted.has("json") || wanted.has("streampulse") {
        report.push(heading());
        let kafka = Kafka::start()?;
        let flink = if wanted.flink { Some(Flink::start()?) } else { None };
        let bench = Bench { wanted: &wanted, argus: &argus, kafka: &kafka, flink: flink.as_ref() };
        if wanted.has("json") {
            report.extend(bench.json()?);
        }
        if wanted.has("streampulse") {
            report.extend(bench.streampulse()?);
        }
    }
    if wanted.has("small") {
        report.push(small::start_up(&argus)?);
    }
    report.extend(state_and_checkpoints(&wanted, &argus)?);
    let decode = if wanted.has("decode") { decode()? } else { String::new() };
    println!("\n{}\n{decode}", report.join("\n"));
    Ok(())
}

/// Figures beside their bars.
fn state_and_checkpoints(wanted: &Wanted, argus: &Argus) -> Result<Vec<String>> {
    let mut report = Vec::new();
    let scale = if wanted.is_quick { 0.1 } else { 1.0 };
    if wanted.has("checkpoint") {
        let n_rounds = if wanted.is_quick { 1 } else { 5 };
        report.extend(state::intervals(argus, &wanted.span(), n_rounds)?);
    }
    if wanted.has("restore") {
        for (mib, seconds) in [(100.0, 2), (1_000.0, 10)] {
            report.push(state::restore(argus, mib * scale, Duration::from_secs(seconds))?);
        }
    }
    if wanted.has("dirty") {
        report.extend(state::dirty(argus, 1_000.0 * scale)?);
    }
    if wanted.has("keys") {
        let (n_keys, mib) = if wanted.is_quick { (2_000_000, 256) } else { (20_000_000, 1_024) };
        report.push(state::keys(argus, n_keys, mib)?);
        report.push(state::updated_keys(argus, n_keys, mib)?);
    }
    if wanted.has("alignment") {
        report.push(sinks::alignment(argus, &Postgres::start()?)?);
    }
    if wanted.has("visible") {
        let kafka = Kafka::start()?;
        for interval in VISIBLE_MILLIS {
            report.push(sinks::visible(argus, &kafka, interval)?);
        }
    }
    Ok(report)
}

/// What a case needs.
struct Bench<'a> {
    wanted: &'a Wanted,
    argus: &'a Argus,
    kafka: &'a Kafka,
    flink: Option<&'a Flink>,
}

impl Bench<'_> {
    fn json(&self) -> Result<Vec<String>> {
        let n_rows =
            if self.wanted.memory { HOUR_ROWS } else { self.wanted.n_rows(json::ROWS_PER_SECOND) };
        let case = json::Case::prepare(self.argus, self.kafka, n_rows)?;
        let span = if self.wanted.memory { Span::whole() } else { self.wanted.span() };
        let ours = case.on_argus(self.argus, &span)?;
        let name = "Kafka JSON → 1-minute window → Kafka";
        let mut lines = vec![line(name, "Argus", &ours)];
        if self.wanted.memory {
            lines.push(check_growth(&ours)?);
        }
        if let Some(flink) = self.flink {
            let theirs = flink.run(&case.flink_script()?, n_rows, &span)?;
            lines.extend([line(name, "Flink", &theirs), ratio(&ours, &theirs)]);
        }
        Ok(lines)
    }

    fn streampulse(&self) -> Result<Vec<String>> {
        let postgres = Postgres::start()?;
        let n_rows = self.wanted.n_rows(streampulse::ROWS_PER_SECOND);
        let case = streampulse::Case::prepare(self.argus, self.kafka, &postgres, n_rows)?;
        let name = "Kafka Avro → StreamPulse → PostgreSQL";
        let idle = case.idle_resident_mib(self.argus)?;
        let ours = case.on_argus(self.argus, &self.wanted.span())?;
        let mut lines = vec![line(name, "Argus", &ours)];
        if let Some(flink) = self.flink {
            case.empty_tables()?;
            let theirs = flink.run(&case.flink_script()?, n_rows, &self.wanted.span())?;
            lines.extend([line(name, "Flink", &theirs), ratio(&ours, &theirs)]);
        }
        lines.push(format!("StreamPulse's job on an empty topic: {idle:.0} MiB resident"));
        Ok(lines)
    }
}

fn heading() -> String {
    format!(
        "{:<40} {:<6} {:>13} {:>8} {:>12} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "case",
        "engine",
        "rows/s·core",
        "ns/row",
        "rows/s wall",
        "cores",
        "seconds",
        "MiB first",
        "MiB last",
        "MiB most"
    )
}

fn line(case: &str, engine: &str, figures: &Figures) -> String {
    format!(
        "{case:<40} {engine:<6} {:>13.0} {:>8.0} {:>12.0} {:>7.2} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
        figures.rows_per_core(),
        1e9 / figures.rows_per_core(),
        figures.rows_per_second(),
        figures.cpu_seconds / figures.seconds,
        figures.seconds,
        figures.first_mib,
        figures.last_mib,
        figures.most_mib,
    )
}

fn ratio(ours: &Figures, theirs: &Figures) -> String {
    let per_core = ours.rows_per_core() / theirs.rows_per_core();
    let wall = ours.rows_per_second() / theirs.rows_per_second();
    format!("{:<40} {:<6} {per_core:>12.2}× {:>8} {wall:>11.2}×", "", "ratio", "")
}

fn check_growth(figures: &Figures) -> Result<String> {
    let growth = figures.last_mib / figures.first_mib - 1.0;
    let text = format!("memory changed by {:+.1} % after the warm-up", growth * 100.0);
    ensure!(growth < MOST_GROWTH, "{text}");
    Ok(text)
}

/// The benchmark of the formats, as it prints itself.
fn decode() -> Result<String> {
    let output = Command::new("cargo")
        .args(["bench", "--quiet", "--package", "argus-connectors", "--bench", "decode"])
        .current_dir(tree::root())
        .output()
        .context("run the decode benchmark")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the decode benchmark failed: {said}");
    Ok(String::from_utf8(output.stdout)?)
}
