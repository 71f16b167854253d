//! Tables with a primary key whose rows are computed again after a failure: written early where the
//! keys are the same then, else with the checkpoint.

#[allow(dead_code, reason = "each file of tests uses a part")]
mod process;
#[allow(dead_code, reason = "each file of tests uses a part")]
mod worker;

use std::process::Command;

use worker::{Pipeline, n_read};

const EARLY: &str = "exactly-once by key: early upserts";
/// No checkpoint but the one at the start.
const SELDOM: [&str; 2] = ["--set", "execution.checkpointing.interval=1h"];

/// The pipeline with a primary key, filled by an expression.
fn keyed(key: &str) -> Pipeline {
    let pipeline = Pipeline::new();
    let create = "DROP TABLE totals;
                  CREATE TABLE totals
                    (id TEXT PRIMARY KEY, w TEXT, k INTEGER, n INTEGER, s INTEGER)";
    pipeline.database().execute_batch(create).unwrap();
    pipeline.edit(|script| {
        let declared = "totals (id STRING PRIMARY KEY NOT ENFORCED, w TIMESTAMP(3)";
        let script = script.replace("totals (w TIMESTAMP(3)", declared);
        script.replace("INTO totals SELECT", &format!("INTO totals SELECT {key},"))
    });
    pipeline
}

/// Rows in the table when a job without a checkpoint in between is killed, then at the end.
fn killed_and_restored(key: &str) -> [usize; 2] {
    let pipeline = keyed(key);
    let mut running = pipeline.start(&SELDOM);
    running.wait_for("argus: running job=script");
    pipeline.wait_until("rows read", |status| n_read(status) >= 4_000);
    drop(running);
    let n_before = pipeline.rows().len();
    let done = pipeline.finish(&[]);
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    let rows = pipeline.rows();
    assert_eq!(rows, Pipeline::clean_rows());
    [n_before, rows.len()]
}

#[test]
fn keys_that_differ_on_replay_leave_no_rows_behind() {
    assert_eq!(killed_and_restored("UUID()"), [0, 240]);
}

#[test]
fn keys_that_are_the_same_are_written_before_the_checkpoint() {
    let [n_before, n_after] =
        killed_and_restored("CAST(window_start AS STRING) || 'k' || CAST(k AS STRING)");
    assert!(n_before > 0 && n_after == 240, "{n_before} {n_after}");
}

#[test]
fn explain_tells_why_rows_are_staged() {
    let explained = |key| keyed(key).told(&["explain", "script.sql"]);
    let text = explained("UUID()");
    let staged = "delivery   exactly-once: staged, since on replay the keys may differ (id depends \
                  on UUID); applied after the commit";
    assert!(text.contains(staged), "{text}");
    let text = explained("'a'");
    assert!(text.contains(EARLY), "{text}");
}

#[test]
fn all_tables_of_streampulse_are_written_early() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/streampulse/job.sql");
    let output = Command::new(env!("CARGO_BIN_EXE_argus"))
        .args(["explain", script])
        .env("PG_PASSWORD", "secret")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.matches(EARLY).count(), 5, "{text}");
}

/// A folder that has been read to its end, and gets another file.
#[test]
fn input_that_has_grown_is_late_for_windows_and_nothing_else() {
    for (select, n_late) in [
        (
            "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE e, DESCRIPTOR(t), INTERVAL '1' MINUTE))
          GROUP BY window_start, window_end",
            1,
        ),
        ("SELECT v FROM e", 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(path("in")).unwrap();
        let script = format!(
            "CREATE TABLE e (v BIGINT, t TIMESTAMP(3), WATERMARK FOR t AS t) WITH
               ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv');
             CREATE TABLE o (v BIGINT) WITH
               ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv');
             INSERT INTO o {select};",
            path("in"),
            path("out"),
        );
        std::fs::write(path("job.sql"), script).unwrap();
        for (life, day) in (0..).zip(["01", "02"]) {
            let row = format!("1,2026-01-{day} 00:00:00\n");
            std::fs::write(path(&format!("in/{day}.csv")), row).unwrap();
            let done = process::argus(&["run", &path("job.sql"), "--dir", &path("checkpoints")]);
            assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
            let n_warnings = done.stderr.matches("are late for windows").count();
            assert_eq!(n_warnings, n_late * life, "{}", done.stderr);
        }
    }
}

/// The delay of a partition is over when the input is: nothing is left that could come into it.
#[test]
fn the_end_of_the_input_completes_every_partition() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let script = format!(
        "CREATE TABLE e (v BIGINT, k STRING) WITH
           ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv');
         CREATE TABLE o (v BIGINT, k STRING) PARTITIONED BY (k) WITH
           ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv',
            'sink.partition-commit.policy.kind' = 'success-file',
            'sink.partition-commit.delay' = '1 h');
         INSERT INTO o SELECT * FROM e;",
        path("in.csv"),
        path("out"),
    );
    std::fs::write(path("in.csv"), "1,a\n2,b\n").unwrap();
    std::fs::write(path("job.sql"), script).unwrap();
    let done = process::argus(&["run", &path("job.sql"), "--dir", &path("checkpoints")]);
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    for partition in ["k=a", "k=b"] {
        assert!(std::fs::exists(path(&format!("out/{partition}/_SUCCESS"))).unwrap());
    }
}
