//! StreamPulse end to end: real Kafka, real PostgreSQL, the shipped scripts, the built binary.
//!
//! What must be in the tables comes from elsewhere: from `check.py`, which computes it from the
//! messages alone, and from the tables that Flink made of the recorded messages.

mod servers;

use std::time::Duration;

use argus_base::Env;

use servers::event::{Event, message};
use servers::job::Job;
use servers::pipeline::{Pipeline, fixture};
use servers::tables::{check_by_flink, check_by_messages, csv, number};
use servers::{wait_until, world};

/// Late rows of the fixture, for each window.
const N_LATE: f64 = 8.0;

#[test]
fn the_recorded_messages_give_the_recorded_tables() {
    run_fixture("fixture", "1");
}

#[test]
fn two_slots_give_the_same_tables() {
    run_fixture("fixture_two_slots", "2");
}

fn run_fixture(name: &str, parallelism: &str) {
    let mut pipeline = Pipeline::new(name, 4);
    pipeline.set("IDLE_TIMEOUT_SECONDS", "3").set("FLINK_PARALLELISM", parallelism);
    let mut job = pipeline.start_job(&[]);
    let line = job.wait_running();
    let beginning = format!("argus: running job=streampulse parallelism={parallelism} metrics=127");
    assert!(line.starts_with(&beginning), "{line}");
    let messages = fixture();
    let mut n_sent = 0;
    for phase in messages.chunk_by(|a, b| a.phase == b.phase) {
        pipeline.send(phase);
        n_sent += phase.len();
        job.wait_read(n_sent);
        job.wait_idle(4);
    }
    assert_eq!(job.metric("argus_source_skipped_total", &["reason=\"null\""]), 1.0);
    let late = job.series("argus_operator_late_records_total");
    let late: Vec<f64> = late.into_iter().map(|(_, n_late)| n_late).filter(|n| *n > 0.0).collect();
    assert_eq!(late, [N_LATE; 3], "one window each for content, region and device");
    assert_eq!(warnings(&job.stop().stderr), 0);
    check_by_messages(name, &messages);
    check_by_flink(name);
}

/// Lines that a human should read.
fn warnings(stderr: &str) -> usize {
    let warns = |line: &&str| [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
    let lines: Vec<&str> = stderr.lines().filter(warns).collect();
    println!("{}", lines.join("\n"));
    lines.len()
}

#[test]
fn generated_downloads_are_counted() {
    let mut pipeline = Pipeline::new("generated", 0);
    pipeline.set("GENERATOR_COUNT", "3000").set("GENERATOR_START", "2026-03-29T00:58:00Z");
    pipeline.set("GENERATOR_SPEED", "0").set("EVENTS_PER_MINUTE", "600");
    let generated = pipeline.generator().wait();
    assert_eq!(generated.exit_code, Some(0), "{}", generated.stderr);
    let messages = world().broker.read("generated");
    assert_eq!(messages.len(), 3000);
    let used = |n: i32| messages.iter().any(|message| message.partition == n);
    assert_eq!([0, 1, 2].map(used).iter().filter(|used| **used).count(), 2, "one stays empty");

    let job = pipeline.job();
    job.wait_read(3000);
    job.wait_idle(3);
    job.stop();
    check_by_messages("generated", &messages);
    let counted = number("generated", "SELECT sum(total_downloads) FROM region_health");
    assert_eq!(counted, 4 * 600, "the fifth minute is open and not written");
    let alerts = number("generated", "SELECT count(*) FROM active_alerts");
    assert_eq!(alerts, number("generated", "SELECT count(*) FROM alerts"));

    pipeline.set("KAFKA_TOPIC", "generated_again");
    assert_eq!(pipeline.generator().wait().exit_code, Some(0));
    assert!(world().broker.read("generated_again") == messages, "the seed decides everything");
}

#[test]
fn the_generator_keeps_its_rate() {
    const PER_SECOND: f64 = 500.0;
    let window = Duration::from_secs(20);
    let mut pipeline = Pipeline::new("rate", 0);
    pipeline.set("EVENTS_PER_MINUTE", "30000");
    let mut generator = pipeline.generator();
    generator.wait_running();
    let n_messages = || world().broker.n_messages("rate");
    wait_until("the first messages", || n_messages() > 0, || generator.stderr());
    let env = Env::system();
    let (before, begun) = (n_messages(), env.elapsed());
    env.sleep(window);
    let (after, ended) = (n_messages(), env.elapsed());
    generator.stop();
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    let rate = (after - before) as f64 / (ended - begun).as_secs_f64();
    assert!((rate / PER_SECOND - 1.0).abs() < 0.02, "{rate} instead of {PER_SECOND} a second");
}

#[test]
fn bad_messages_are_skipped_and_counted() {
    let pipeline = Pipeline::new("bad", 1);
    let job = pipeline.job();
    let whole = Event::failed("truncated", 0).body();
    let zero = Event { content_id: "mov\0zero".into(), ..Event::failed("zero", 2_000) };
    // Far beyond what TO_TIMESTAMP_LTZ has a value for.
    let never = Event::failed("never", i64::MAX - servers::event::BASE_MILLIS);
    let messages = [
        Event::failed("first", 0).message(),
        message(Some(vec![0xff; 40])),
        message(Some(whole[..whole.len() / 2].to_vec())),
        message(Some(Vec::new())),
        message(None),
        zero.message(),
        never.message(),
        Event::failed("second", 1_000).message(),
        Event::failed("closer", 70_000).message(),
    ];
    pipeline.send(&messages);
    job.wait_read(messages.len());
    job.wait_idle(1);
    let skipped =
        |reason: &str| job.metric("argus_source_skipped_total", &[&format!("reason=\"{reason}\"")]);
    assert_eq!((skipped("decode"), skipped("null")), (4.0, 1.0), "{}", job.stderr());
    // The row of `content_stats` and the row of `event_log`.
    let refused = || job.metric("argus_sink_skipped_total", &[]);
    wait_until("rows refused", || refused() == 2.0, || job.stderr());
    job.stop();
    let logged = csv("bad", "SELECT event_id FROM event_log ORDER BY 1");
    assert_eq!(logged, "event_id\ncloser\nfirst\nsecond\n");
    let counted = csv("bad", "SELECT content_id, download_count FROM content_stats");
    assert_eq!(counted, "content_id,download_count\nmov_one,2\n");
    assert_eq!(number("bad", "SELECT sum(total_downloads) FROM region_health"), 3);
}

#[test]
fn a_bad_message_ends_the_job_that_is_told_to() {
    let mut pipeline = Pipeline::new("bad_fails", 1);
    pipeline.set("ON_ERROR", "fail");
    pipeline.send([&Event::failed("first", 0).message(), &message(Some(vec![0xff; 40]))]);
    check_fails(&mut pipeline.start_job(&[]), &["bad_fails", "partition 0", "offset 1"]);

    let mut pipeline = Pipeline::new("row_fails", 1);
    pipeline.set("ON_ERROR", "fail");
    pipeline.send([&Event::failed("ze\0ro", 0).message()]);
    check_fails(&mut pipeline.start_job(&[]), &["event_log", "0x00"]);
}

fn check_fails(job: &mut Job, words: &[&str]) {
    let done = job.wait();
    assert_eq!(done.exit_code, Some(1), "{}", done.stderr);
    for word in words {
        assert!(done.stderr.contains(word), "{word}\n{}", done.stderr);
    }
}

#[test]
fn a_wrong_script_or_variable_exits_with_2() {
    let mut pipeline = Pipeline::new("wrong", 1);
    pipeline.set("ON_ERROR", "perhaps");
    let done = pipeline.start_job(&[]).wait();
    assert_eq!(done.exit_code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("job.sql:"), "{}", done.stderr);
}

/// Rows of the memory test, and the minutes of event time that they span.
const N_ROWS: f64 = 600_000.0;
const MEMORY_JOB: &str = "
    SET 'argus.datagen.rows-per-minute' = '10000';
    SET 'argus.datagen.number-of-rows' = '600000';
    SET 'argus.datagen.start' = '2026-01-01T00:00:00Z';
    SET 'argus.datagen.speed' = '0';
    CREATE TABLE rolls (
      ts TIMESTAMP_LTZ(3), id STRING, amount DOUBLE, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
    ) WITH ('connector' = 'datagen', 'fields.id.length' = '3');
    CREATE TABLE nowhere (id STRING, n BIGINT, total DOUBLE) WITH ('connector' = 'blackhole');
    INSERT INTO nowhere
    SELECT id, COUNT(*), SUM(amount)
    FROM TABLE(TUMBLE(TABLE rolls, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, id;";

#[test]
fn memory_stays_level_over_an_hour_of_event_time() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("memory.sql");
    std::fs::write(&script, MEMORY_JOB).unwrap();
    let mut job = Job::start(script.to_str().unwrap(), &[].into(), &[]);
    job.wait_running();
    let (mut warm, mut most) = (0, 0);
    while let Some(resident) = job.resident_kib() {
        let read = job.try_metric("argus_source_records_total").unwrap_or(N_ROWS);
        if read < N_ROWS / 3.0 {
            warm = warm.max(resident);
        } else {
            most = most.max(resident);
        }
        Env::system().sleep(Duration::from_millis(10));
    }
    assert_eq!(job.wait().exit_code, Some(0), "{}", job.stderr());
    println!("{warm} KiB after a third, {most} KiB later");
    assert!(warm > 0 && most > 0, "too fast to be seen: {warm}, {most}");
    assert!(most * 100 < warm * 105, "{warm} KiB after a third, {most} KiB later");
}
