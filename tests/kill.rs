//! `kill -9`, over and over: real Kafka, real PostgreSQL, SQLite, the built binary. However a job
//! is killed, what it has written in the end is what one clean run writes: nothing lost, nothing
//! doubled.
//!
//! `ARGUS_KILL_ROUNDS=200` for the full proof, `ARGUS_KILL_SEED=…` for the deaths of a run that
//! was printed. Each job is rescaled from life to life.

mod kills;
mod servers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
const TARGETS: [Target; 7] =
    [GENERATED, SPILLED, APPENDED, TRANSACTED, SEVERAL, STREAMPULSE, FIXTURE];
const NO_FILES: &[FaultPoint] = &[FaultPoint::Publish];
const GENERATED: Target = Target { name: "generated", without: &[] };
const SPILLED: Target = Target { name: "spilled", without: NO_FILES };
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

const GENERATED_TABLES: &[(&str, &str)] = &[
    ("rows", "CREATE TABLE every_roll (id bigint, k int, amount int)"),
    (
        "sums",
        "CREATE TABLE sums (window_start text, k int, n bigint, total bigint,
         distinct_amounts bigint, PRIMARY KEY (window_start, k))",
    ),
];

/// More keys than fit into the memory, each six times.
const SPILLED_JOB: &str = "
SET 'pipeline.name' = 'spilled';
SET 'execution.checkpointing.dir' = '${FOLDER}/checkpoints';
SET 'execution.checkpointing.interval' = '${INTERVAL}';
SET 'argus.state.memory-limit' = '4 mb';
SET 'argus.state.spill-dir' = '${FOLDER}/spilled';
SET 'argus.datagen.rows-per-minute' = '4000000';
SET 'argus.datagen.number-of-rows' = '180000';
SET 'argus.datagen.start' = '2026-01-01T00:00:00Z';
SET 'argus.datagen.speed' = '${SPEED}';

CREATE TABLE numbers (id BIGINT, k AS MOD(id * 7919, 30000)) WITH (
  'connector' = 'datagen',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '1000000000'
);
CREATE TABLE totals (k BIGINT, n BIGINT, total BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:${FOLDER}/totals', 'table-name' = 'totals');

INSERT INTO totals
SELECT * FROM (SELECT k, COUNT(*) AS n, SUM(id) AS total FROM numbers GROUP BY k)
WHERE MOD(k, 10) = 0;
";

const SPILLED_TABLES: &[(&str, &str)] =
    &[("totals", "CREATE TABLE totals (k bigint PRIMARY KEY, n bigint, total bigint)")];

#[test]
fn spilled_keys_to_sqlite() {
    let mut totals: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for id in 0..180_000_i64 {
        let (n, total) = totals.entry(id * 7919 % 30_000).or_default();
        (*n, *total) = (*n + 1, *total + id);
    }
    totals.retain(|k, _| k % 10 == 0);
    let expected: Vec<String> =
        totals.iter().map(|(k, (n, total))| format!("{k} {n} {total}")).collect();
    let mut lives = Lives::of(&SPILLED, &TARGETS);
    let mut has_spilled = false;
    while !lives.is_over() {
        let killed = Generated::new(SPILLED_JOB, SPILLED_TABLES);
        let is_over = lives.take(usize::MAX, &mut |life| {
            has_spilled |= killed.has_spilled();
            killed.start(life, ("1", "100 ms"))
        });
        has_spilled |= killed.has_spilled();
        if is_over {
            let done = killed.start(&Life::quiet(), ("0", "100 ms")).wait();
            assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        }
        let found = killed.query("totals", "SELECT k || ' ' || n || ' ' || total FROM totals");
        lives.tally.compare("totals", expected.clone(), found);
    }
    assert!(has_spilled, "nothing was spilled");
    lives.tally.close();
}

#[test]
fn generated_rows_to_sqlite_and_files() {
    let clean = Generated::new(GENERATED_JOB, GENERATED_TABLES);
    let done = clean.start(&Life::quiet(), ("0", "10 s")).wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    let (rows, sums, files) = (clean.rows(), clean.sums(), clean.files());
    let mut lives = Lives::of(&GENERATED, &TARGETS);
    while !lives.is_over() {
        let killed = Generated::new(GENERATED_JOB, GENERATED_TABLES);
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

/// One run of a job without servers, however many lives it has.
struct Generated {
    folder: tempfile::TempDir,
}

impl Generated {
    /// Of a script, with tables that are there before: files, and what makes them.
    fn new(script: &str, tables: &[(&str, &str)]) -> Generated {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("job.sql"), script).unwrap();
        for (file, table) in tables {
            let database = Connection::open(folder.path().join(file)).unwrap();
            database.execute_batch(table).unwrap();
        }
        Generated { folder }
    }

    /// Whether a life that was killed has left spilled state.
    fn has_spilled(&self) -> bool {
        let entries = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().path()).collect()
        };
        let of_lives = entries(&self.folder.path().join("spilled"));
        of_lives.iter().any(|folder| !entries(folder).is_empty())
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
