//! `kill -9`, over and over: real Kafka, real PostgreSQL, SQLite, the built binary. However a job
//! is killed, what it has written in the end is what one clean run writes: nothing lost, nothing
//! doubled.
//!
//! `ARGUS_KILL_ROUNDS=200` for the full proof, `ARGUS_KILL_SEED=…` for the deaths of a run that
//! was printed. Each job is rescaled from life to life.

mod kills;
mod servers;

use std::collections::BTreeMap;

use argus_base::fault::FaultPoint;
use rusqlite::Connection;

use kills::death::Target;
use kills::events::Feed;
use kills::lives::{Life, Lives};
use kills::run::{Run, start};
use kills::sinks::{APPENDING, FILES, KAFKA, Sinks, UPSERTING, visible_rows};
use servers::job::Job;
use servers::pipeline::{Pipeline, fixture};
use servers::tables::{check_by_flink, check_by_messages};
use servers::{wait_until, world};

/// The jobs that are killed.
const TARGETS: [Target; 6] = [GENERATED, APPENDED, TRANSACTED, SEVERAL, STREAMPULSE, FIXTURE];
const NO_FILES: &[FaultPoint] = &[FaultPoint::Publish];
const GENERATED: Target = Target { name: "generated", without: &[] };
const APPENDED: Target = Target { name: "appended", without: NO_FILES };
const TRANSACTED: Target =
    Target { name: "transacted", without: &[FaultPoint::Publish, FaultPoint::Marker] };
const SEVERAL: Target = Target { name: "several", without: &[] };
const STREAMPULSE: Target = Target { name: "streampulse", without: NO_FILES };
const FIXTURE: Target = Target { name: "fixture", without: NO_FILES };

/// No server at all: generated rows, a staged table, one that is upserted early, and files.
const GENERATED_JOB: &str = "
SET 'pipeline.name' = 'generated';
SET 'execution.checkpointing.dir' = '${FOLDER}/checkpoints';
SET 'execution.checkpointing.interval' = '${INTERVAL}';
SET 'table.local-time-zone' = 'UTC';
SET 'argus.datagen.seed' = '7';
SET 'argus.datagen.rows-per-minute' = '120000';
SET 'argus.datagen.number-of-rows' = '8000';
SET 'argus.datagen.start' = '2026-01-01T00:00:00Z';
SET 'argus.datagen.speed' = '${SPEED}';

CREATE TABLE rolls (
  happened TIMESTAMP_LTZ(3),
  id BIGINT,
  k INT,
  amount INT,
  WATERMARK FOR happened AS happened - INTERVAL '0.01' SECOND
) WITH (
  'connector' = 'datagen',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '1000000000',
  'fields.k.min' = '1', 'fields.k.max' = '50',
  'fields.amount.min' = '0', 'fields.amount.max' = '1000'
);
CREATE TABLE every_roll (id BIGINT, k INT, amount INT)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:${FOLDER}/rows', 'table-name' = 'every_roll');
CREATE TABLE high_rolls (id BIGINT, k INT, amount INT)
WITH ('connector' = 'filesystem', 'path' = '${FOLDER}/files', 'format' = 'json');
CREATE TABLE sums (
  window_start TIMESTAMP(3), k INT, n BIGINT, total BIGINT, distinct_amounts BIGINT,
  PRIMARY KEY (window_start, k) NOT ENFORCED
) WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:${FOLDER}/sums', 'table-name' = 'sums');

EXECUTE STATEMENT SET BEGIN
INSERT INTO every_roll SELECT id, k, amount FROM rolls;
INSERT INTO high_rolls SELECT id, k, amount FROM rolls WHERE amount > 900;
INSERT INTO sums
SELECT window_start, k, COUNT(*), SUM(CAST(amount AS BIGINT)), COUNT(DISTINCT amount)
FROM TABLE(TUMBLE(TABLE rolls, DESCRIPTOR(happened), INTERVAL '0.5' SECOND))
GROUP BY window_start, window_end, k;
END;
";

#[test]
fn generated_rows_to_sqlite_and_files() {
    let clean = Generated::new();
    let done = clean.start(&Life::quiet(), ("0", "10 s")).wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    let (rows, sums, files) = (clean.rows(), clean.sums(), clean.files());
    let mut lives = Lives::of(&GENERATED, &TARGETS);
    while !lives.is_over() {
        let killed = Generated::new();
        let is_over = lives.take(usize::MAX, &mut |life| killed.start(life, ("1", "100 ms")));
        if is_over {
            let done = killed.start(&Life::quiet(), ("0", "100 ms")).wait();
            assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        }
        lives.tally.compare("every_roll", rows.clone(), killed.rows());
        lives.tally.compare("sums", sums.clone(), killed.sums());
        lives.tally.compare("high_rolls", files.clone(), killed.files());
    }
    lives.tally.close();
}

/// One run of the job without servers, however many lives it has.
struct Generated {
    folder: tempfile::TempDir,
}

impl Generated {
    fn new() -> Generated {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("job.sql"), GENERATED_JOB).unwrap();
        let table = |file: &str, columns: &str| {
            let database = Connection::open(folder.path().join(file)).unwrap();
            database.execute_batch(columns).unwrap();
        };
        table("rows", "CREATE TABLE every_roll (id bigint, k int, amount int)");
        table(
            "sums",
            "CREATE TABLE sums (window_start text, k int, n bigint, total bigint,
             distinct_amounts bigint, PRIMARY KEY (window_start, k))",
        );
        Generated { folder }
    }

    fn start(&self, life: &Life, (speed, interval): (&str, &str)) -> Job {
        let folder = self.folder.path();
        let mut variables = BTreeMap::from([
            ("FOLDER".to_owned(), folder.to_str().unwrap().to_owned()),
            ("SPEED".to_owned(), speed.to_owned()),
            ("INTERVAL".to_owned(), interval.to_owned()),
        ]);
        start(&folder.join("job.sql"), &mut variables, life)
    }

    fn rows(&self) -> Vec<String> {
        self.query("rows", "SELECT id || ' ' || k || ' ' || amount FROM every_roll")
    }

    fn sums(&self) -> Vec<String> {
        let columns = "window_start || ' ' || k || ' ' || n || ' ' || total || ' ' || \
             distinct_amounts";
        self.query("sums", &format!("SELECT {columns} FROM sums"))
    }

    fn files(&self) -> Vec<String> {
        visible_rows(&self.folder.path().join("files"))
    }

    fn query(&self, file: &str, query: &str) -> Vec<String> {
        let database = Connection::open(self.folder.path().join(file)).unwrap();
        let mut statement = database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

#[test]
fn events_appended_to_postgres() {
    kill_events(&APPENDED, &[APPENDING]);
}

#[test]
fn events_to_kafka_in_transactions() {
    kill_events(&TRANSACTED, &[KAFKA]);
}

#[test]
fn events_to_several_sinks_at_once() {
    kill_events(&SEVERAL, &[KAFKA, APPENDING, UPSERTING, FILES]);
}

/// Kills a job of these sinks while events come, lets it come to their end, and compares.
fn kill_events(target: &Target, sinks: &[Sinks]) {
    let run = Run::new(target.name, sinks);
    let mut lives = Lives::of(target, &TARGETS);
    let feed = Feed::start(target.name);
    lives.take_all(&mut |life| run.start(life));
    let expected = feed.finish();
    run.finish(&expected);
    run.compare(sinks, &expected, &mut lives.tally);
    lives.tally.close();
}

/// Event time runs so many times faster than the clock.
const GENERATOR_SPEED: &str = "60";

#[test]
fn streampulse_while_downloads_come() {
    let mut pipeline = Pipeline::new(STREAMPULSE.name, 0);
    pipeline.set("GENERATOR_START", "2026-03-29T00:58:00Z").set("EVENTS_PER_MINUTE", "600");
    pipeline.set("GENERATOR_SPEED", GENERATOR_SPEED).set("IDLE_TIMEOUT_SECONDS", "3");
    let mut generator = pipeline.generator();
    generator.wait_running();
    let mut lives = Lives::of(&STREAMPULSE, &TARGETS);
    lives.take_all(&mut |life| start_pipeline(&pipeline, life));
    generator.stop();
    let messages = world().broker.read(&pipeline.name);
    let mut job = start_pipeline(&pipeline, &Life::quiet());
    job.wait_running();
    job.wait_idle(3);
    job.stop();
    lives.tally.compared(check_by_messages(&pipeline.name, &messages));
    lives.tally.close();
}

/// Starts a life of StreamPulse's job.
fn start_pipeline(pipeline: &Pipeline, life: &Life) -> Job {
    let mut pipeline = pipeline.clone();
    pipeline.set("FLINK_PARALLELISM", &life.parallelism.to_string());
    pipeline.set("FLINK_CHECKPOINT_INTERVAL", "100");
    if !life.fault.is_empty() {
        pipeline.set("ARGUS_FAULT", &life.fault);
    }
    pipeline.start_job(&[])
}

/// No partition falls idle while the first phase is sent.
const NEVER_IDLE: &str = "600";

#[test]
fn streampulse_on_the_recorded_messages() {
    let mut pipeline = Pipeline::new(FIXTURE.name, 4);
    let mut lives = Lives::of(&FIXTURE, &TARGETS);
    let messages = fixture();
    let mut phases = messages.chunk_by(|a, b| a.phase == b.phase);
    let first = phases.next().unwrap();
    pipeline.set("IDLE_TIMEOUT_SECONDS", NEVER_IDLE);
    for part in first.chunks(first.len().div_ceil(lives.n_left().max(1))) {
        pipeline.send(part);
        lives.take(1, &mut |life| start_pipeline(&pipeline, life));
    }
    lives.take_all(&mut |life| start_pipeline(&pipeline, life));
    pipeline.set("IDLE_TIMEOUT_SECONDS", "3");
    let start = || {
        let mut job = start_pipeline(&pipeline, &Life::quiet());
        job.wait_running();
        job.wait_idle(4);
        wait_checkpoint(&job);
        job
    };
    // Whether a row is late depends on who was idle before it: no death while such rows are read.
    for phase in phases {
        drop(start());
        lives.tally.killed("between phases");
        let job = start();
        pipeline.send(phase);
        job.wait_read(phase.len());
        job.wait_idle(4);
        wait_checkpoint(&job);
    }
    start().stop();
    lives.tally.compared(check_by_messages(FIXTURE.name, &messages));
    check_by_flink(FIXTURE.name);
    lives.tally.close();
}

/// Waits until what the job has done so far is in a checkpoint.
fn wait_checkpoint(job: &Job) {
    let n_taken = || job.metric("argus_checkpoints_total", &[]);
    let before = n_taken();
    wait_until("two checkpoints", || n_taken() >= before + 2.0, || job.stderr());
}
