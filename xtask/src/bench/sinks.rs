//! Checkpoints and the outside: how long barriers take while a sink is slow, and how soon a reader
//! of committed messages sees a row.

use std::io::{BufRead, BufReader};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use super::argus::{Argus, Variables};
use super::folder::Folder;
use super::server::{Kafka, Postgres};

/// How long barriers take through a job that waits for its sink all the time.
pub fn alignment(argus: &Argus, postgres: &Postgres) -> Result<String> {
    postgres.psql(&[
        "-c",
        "\\connect streampulse",
        "-c",
        "CREATE TABLE slow (id bigint PRIMARY KEY, amount int)",
    ])?;
    let folder = Folder::new("alignment")?;
    let variables = Variables::from([
        ("BENCH_DIR", folder.path().display().to_string()),
        ("PG_PORT", postgres.port()?.to_owned()),
    ]);
    eprintln!("bench: a sink that is slower than its source");
    let running = argus.start("benches/slow_sink.sql", &variables)?;
    let page = running.wait("checkpoints", |page| page.sum("argus_checkpoints_total") >= 12.0)?;
    let alignment = page.histogram("argus_checkpoint_alignment_seconds");
    let duration = page.histogram("argus_checkpoint_duration_seconds");
    let waited = page.sum("argus_slot_back_pressured_milliseconds_total");
    ensure!(waited > 1_000.0, "the sink was not slow: {waited} ms of back-pressure");
    Ok(format!(
        "under back-pressure barriers take {:.0} ms on average, none more than {:.0} ms; \
         checkpoints {:.0} ms",
        alignment.mean() * 1e3,
        alignment.bound() * 1e3,
        duration.mean() * 1e3,
    ))
}

/// Rows that are looked at.
const N_ROWS: usize = 10_000;

/// From when a row was made to when a reader of committed messages has it.
pub fn visible(argus: &Argus, kafka: &Kafka, interval_millis: u64) -> Result<String> {
    let folder = Folder::new("visible")?;
    let topic = format!("visible-{interval_millis}");
    let variables = Variables::from([
        ("BENCH_DIR", folder.path().display().to_string()),
        ("BENCH_INTERVAL", format!("{interval_millis} ms")),
        ("BENCH_TOPIC", topic.clone()),
        ("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap()?.to_owned()),
    ]);
    eprintln!("bench: rows to readers of committed messages, every {interval_millis} ms");
    let running = argus.start("benches/visible.sql", &variables)?;
    running.wait("checkpoints", |page| page.sum("argus_checkpoints_total") >= 5.0)?;
    let mut consumer = kafka.consumer(&topic, N_ROWS)?;
    let printed = consumer.stdout.take().context("what the consumer prints")?;
    let mut millis = Vec::new();
    for line in BufReader::new(printed).lines() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let made: u64 = line?.trim().parse().context("a row")?;
        millis.push(now.saturating_sub(Duration::from_millis(made)).as_secs_f64() * 1e3);
    }
    consumer.wait()?;
    // What came first had waited for the consumer.
    let mut millis = millis.split_off(millis.len() / 2);
    ensure!(!millis.is_empty(), "no row was seen");
    millis.sort_by(f64::total_cmp);
    let at = |share: usize| millis[(millis.len() - 1) * share / 100];
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    let bar = interval_millis as f64 + 200.0;
    Ok(format!(
        "made to seen, a checkpoint every {interval_millis} ms: {:.0} ms median, {:.0} ms p99, \
         {:.0} ms at most (at most {bar:.0} ms)",
        at(50),
        at(99),
        at(100),
    ))
}
