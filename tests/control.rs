//! Workers with checkpoints as their user meets them: stopped, saved, rescaled, edited, doubled and
//! damaged. Every table is compared with that of one clean run, row by row.

#[allow(dead_code, reason = "each file of tests uses a part")]
mod process;
mod worker;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use argus_base::Env;
use process::run_script;
use serde_json::Value;
use worker::{FAST, Pipeline, damage};

const STOP: [&str; 4] = ["stop", "script", "--dir", "state"];

#[test]
fn a_job_that_is_stopped_and_rescaled_writes_each_row_once() {
    let pipeline = Pipeline::new();
    let mut n_windows = Vec::new();
    for (parallelism, n_rows) in [("1", 5_000), ("4", 4_000)] {
        let mut running = pipeline.start_and_read(n_rows, &["--parallelism", parallelism]);
        let told = pipeline.told(&STOP);
        assert!(told.starts_with("argus: stopped job=script checkpoint="), "{told}");
        let done = running.wait();
        assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        assert!(!pipeline.path("state/script/control.sock").exists());
        n_windows.push(pipeline.rows().len());
    }
    assert!(n_windows[1] > n_windows[0], "the second went on: {n_windows:?}");
    let mut running = pipeline.start(&[&["--parallelism", "2"], &FAST[..]].concat());
    running.wait_for("argus: restored job=script checkpoint=");
    running.wait_for("argus: running job=script parallelism=2 metrics=off");
    let done = running.wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert_eq!(pipeline.rows(), Pipeline::clean_rows());
    // A job that has come to its end reads nothing twice, and --fresh everything.
    assert_eq!(pipeline.finish(&[]).exit_code, Some(0));
    assert_eq!(pipeline.rows().len(), 240);
    let fresh = pipeline.finish(&["--fresh"]);
    assert_eq!(fresh.exit_code, Some(0), "{}", fresh.stderr);
    assert!(!fresh.stderr.contains("argus: restored"), "{}", fresh.stderr);
    assert_eq!(pipeline.rows().len(), 480);
}

#[test]
fn a_drained_job_fires_every_window_and_a_stopped_one_none() {
    for (argument, expected) in [("--drain", "argus: drained"), ("--timeout=60", "argus: stopped")]
    {
        let pipeline = Pipeline::new();
        pipeline.edit(|script| script.replace("'10' SECOND", "'1' DAY"));
        let mut running = pipeline.start_and_read(2_000, &[]);
        let told = pipeline.told(&[&STOP[..], &[argument]].concat());
        assert!(told.starts_with(expected), "{told}");
        assert_eq!(running.wait().exit_code, Some(0));
        assert_eq!(pipeline.rows().len(), if argument == "--drain" { 10 } else { 0 });
    }
}

#[test]
fn a_savepoint_begins_another_job() {
    let pipeline = Pipeline::new();
    let mut running = pipeline.start_and_read(3_000, &[]);
    // A folder that cannot be made is the asker's trouble.
    let wrong = ["savepoint", "script", "--dir", "state", "--to", "script.sql/folder"];
    let refused = pipeline.argus(&wrong);
    assert_eq!(refused.exit_code, Some(1));
    assert!(refused.stderr.contains("script.sql/folder"), "{}", refused.stderr);
    let place = pipeline.told(&["savepoint", "script", "--dir", "state"]);
    assert!(place.contains("state/script/savepoint/savepoint-script-"), "{place}");
    let told = pipeline.told(&[&STOP[..], &["--to", "saved"]].concat());
    assert_eq!(running.wait().exit_code, Some(0));
    let place = told.trim().rsplit("savepoint=").next().unwrap();
    let shown: Value =
        serde_json::from_str(&pipeline.told(&["state", "show", place, "--json"])).unwrap();
    assert_eq!((&shown["kind"], &shown["epoch_log"]), (&"savepoint".into(), &Value::Null));
    assert_eq!(shown["checkpoints"][0]["commit"], "savepoint");

    let elsewhere = ["--dir", "elsewhere", "--set", "pipeline.name=other"];
    let begins = ["--from-savepoint", place, "--parallelism", "2"];
    let done = pipeline.start_plain(&[&elsewhere[..], &begins, &FAST].concat()).wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("argus: restored job=other checkpoint="), "{}", done.stderr);
    assert_eq!(pipeline.rows(), Pipeline::clean_rows());

    let missing = pipeline.start(&["--from-savepoint", "saved/nothing"]).wait();
    assert_eq!(missing.exit_code, Some(1));
    assert!(missing.stderr.contains("error[AR5206]"), "{}", missing.stderr);
}

#[test]
fn an_edited_script_loses_state_only_where_it_may() {
    let pipeline = Pipeline::new();
    let mut running = pipeline.start_and_read(3_000, &[]);
    pipeline.told(&STOP);
    assert_eq!(running.wait().exit_code, Some(0));
    // What does not change the aggregation keeps its state.
    pipeline.edit(|script| script.replace("window_start, k, COUNT", "window_start, k + 0, COUNT"));
    let mut running = pipeline.start_and_read(1_000, &[]);
    pipeline.told(&STOP);
    assert_eq!(running.wait().exit_code, Some(0));

    pipeline.edit(|script| script.replace("'10' SECOND", "'20' SECOND"));
    let refused = pipeline.finish(&[]);
    assert_eq!(refused.exit_code, Some(1));
    assert!(refused.stderr.contains("error[AR5201]"), "{}", refused.stderr);
    let lost = refused.stderr.split("keeps state of: ").nth(1).unwrap();
    let ids: Vec<&str> = lost.split(';').next().unwrap().split(", ").map(|id| &id[..16]).collect();
    let allowed: Vec<&str> = ids.iter().flat_map(|id| ["--allow-state-loss", *id]).collect();
    let done = pipeline.finish(&allowed);
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("state dropped"), "{}", done.stderr);
}

#[test]
fn of_two_workers_the_later_goes_on() {
    let pipeline = Pipeline::new();
    let mut first = pipeline.start_and_read(3_000, &[]);
    // One that is refused changes nothing for the first.
    let edited = pipeline.path("edited.sql");
    let script = std::fs::read_to_string(pipeline.path("script.sql")).unwrap();
    std::fs::write(edited, script.replace("'10' SECOND", "'20' SECOND")).unwrap();
    let name = ["--dir", "state", "--set", "pipeline.name=script"];
    for (arguments, code) in [(&[][..], "AR5201"), (&["--from-savepoint", "x"], "AR5206")] {
        let refused = pipeline.argus(&[&["run", "edited.sql"], &name[..], arguments].concat());
        assert_eq!(refused.exit_code, Some(1), "{}", refused.stderr);
        assert!(refused.stderr.contains(code), "{}", refused.stderr);
        assert_eq!(pipeline.status()["generation"], 1, "the first is there and reachable");
    }
    let mut second = pipeline.start(&["--set", "argus.datagen.speed=40"]);
    second.wait_for("argus: restored job=script");
    let fenced = first.wait();
    assert_eq!(fenced.exit_code, Some(4), "{}", fenced.stderr);
    assert!(fenced.stderr.contains("error[AR5105]"), "{}", fenced.stderr);
    assert!(pipeline.status()["generation"].as_u64() > Some(1), "the socket is the second's");
    let done = second.wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert_eq!(pipeline.rows(), Pipeline::clean_rows());
}

#[test]
fn what_is_damaged_is_told_and_never_restored() {
    let pipeline = Pipeline::new();
    let three = ["--set", "execution.checkpointing.num-retained=3"];
    let mut running = pipeline.start_and_read(4_000, &three);
    pipeline.told(&STOP);
    assert_eq!(running.wait().exit_code, Some(0));
    let state = pipeline.state();
    assert_eq!(state["checkpoints"].as_array().unwrap().len(), 3, "{state:#}");

    // Above the last commit: reported, dropped.
    let last = pipeline.files("manifest").pop().unwrap();
    let above = last.with_file_name("00000000000000099999");
    std::fs::write(&above, "torn").unwrap();
    assert_eq!(pipeline.state()["checkpoints"][3]["commit"], "uncommitted");
    let mut running = pipeline.start(&three);
    running.wait_for("argus: running job=script");
    assert!(!above.exists());
    pipeline.told(&STOP);
    let done = running.wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);

    // The last commit: in the middle of a segment with state, then its manifest.
    let state = pipeline.state();
    assert_eq!(state["checkpoints"].as_array().unwrap().len(), 3, "over restarts: {state:#}");
    let committed = &state["checkpoints"].as_array().unwrap()[2];
    let operators = committed["operators"].as_array().unwrap().iter();
    let mut segments = operators.flat_map(|operator| operator["segments"].as_array().unwrap());
    for file in [segments.next_back().unwrap(), &committed["path"]] {
        damage(&pipeline.path("state/script").join(file.as_str().unwrap()));
        let state = pipeline.state();
        let newest = state["checkpoints"].as_array().unwrap().last().unwrap();
        assert_eq!(newest["checkpoint"], committed["checkpoint"]);
        assert_eq!(newest["state"], "damaged", "{newest:#}");
        let refused = pipeline.finish(&three);
        assert_eq!(refused.exit_code, Some(5), "{}", refused.stderr);
        assert!(refused.stderr.contains("--accept-duplicates"), "{}", refused.stderr);
    }
    let done = pipeline.finish(&[&three[..], &["--accept-duplicates"]].concat());
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("the committed checkpoint is left out"), "{}", done.stderr);
    // Rows may come twice, and none is missing or wrong.
    let mut rows = pipeline.rows();
    rows.dedup();
    assert_eq!(rows, Pipeline::clean_rows());
}

#[test]
fn a_worker_tells_how_its_job_is_getting_on() {
    let pipeline = Pipeline::new();
    let mut running = pipeline.start_and_read(2_000, &["--parallelism", "2"]);
    let status = pipeline.status();
    assert_eq!((&status["job"], &status["state"]), (&"script".into(), &"running".into()));
    assert_eq!((&status["parallelism"], &status["restarts"]), (&2.into(), &0.into()));
    assert_eq!(status["incarnation"].as_str().unwrap().len(), 16, "{status:#}");
    let last = &status["checkpoints"]["last"];
    for field in ["checkpoint", "age_ms", "duration_ms", "delta_bytes", "full_bytes"] {
        assert!(last[field].is_u64(), "{field}: {status:#}");
    }
    let source = &status["sources"][0];
    assert_eq!(source["source"], "events");
    assert_eq!(source["positions"].as_array().unwrap().len(), 2, "{source:#}");
    assert!(source["splits"][0]["watermark"].as_str().unwrap().starts_with("2025-01-01T00:"));
    let operators = status["operators"].as_array().unwrap();
    let window = operators.iter().find(|operator| operator["state_keys"].as_u64() > Some(0));
    assert!(window.unwrap()["records_in"].as_u64() > Some(0), "{status:#}");
    let text = pipeline.told(&["status", "--control", "state/script/control.sock"]);
    for word in ["job script: running", "Source events", "generation 1", "| Sink totals (jdbc)"] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    pipeline.told(&STOP);
    assert_eq!(running.wait().exit_code, Some(0));
}

#[test]
fn stored_state_is_shown() {
    let pipeline = Pipeline::new();
    let mut running = pipeline.start_and_read(3_000, &["--parallelism", "2"]);
    pipeline.told(&STOP);
    assert_eq!(running.wait().exit_code, Some(0));
    let state = pipeline.state();
    let log = &state["epoch_log"];
    assert_eq!((&state["kind"], &log["generation"]), (&"job".into(), &1.into()), "{state:#}");
    assert_eq!(log["committed"]["checkpoint"], state["shown"]);
    let checkpoint = &state["checkpoints"][0];
    assert_eq!((&checkpoint["state"], &checkpoint["commit"]), (&"ok".into(), &"committed".into()));
    assert_eq!(checkpoint["segments"][0]["state"], "ok", "{state:#}");
    let operators = checkpoint["operators"].as_array().unwrap();
    let source = operators.iter().find(|operator| operator["name"] == "Source events (datagen)");
    assert_eq!(source.unwrap()["positions"].as_array().unwrap().len(), 2, "{state:#}");
    let keys: u64 = operators.iter().filter_map(|operator| operator["keys"].as_u64()).sum();
    let text = pipeline.told(&["state", "show", "state/script"]);
    let words = [" segments, ", "last commit: checkpoint", "Source events (datagen): 0/2 at"];
    for word in words {
        assert!(text.contains(word), "{word}\n{text}");
    }
    let lines = pipeline.told(&["state", "show", "state/script", "--rows", "1000"]);
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len() as u64, keys, "each key of a slice once");
    for row in &rows {
        assert!((0..10).contains(&row["key"]["k"].as_i64().unwrap()), "{row}");
        assert!(row["slice_start"].as_str().unwrap().starts_with("2025-01-01T00:"), "{row}");
        assert!(row["state"].as_object().unwrap().values().any(|value| value.is_i64()), "{row}");
    }
    let few = pipeline.told(&["state", "show", "state/script", "--rows", "3"]);
    assert_eq!(few.lines().count(), 3);
    for nothing in ["state/other", "state"] {
        let none = pipeline.argus(&["state", "show", nothing]);
        assert_eq!(none.exit_code, Some(1), "{}", none.stderr);
    }
}

#[test]
fn a_job_that_fails_inside_goes_on_in_the_same_process() {
    let pipeline = Pipeline::new();
    let mut running = pipeline.start_and_read(3_000, &[]);
    // As if another run of the job had taken the database, and it alone, over.
    let fence = "UPDATE argus_commit SET epoch = epoch + 1 WHERE sink LIKE '%fence'";
    assert_eq!(pipeline.database().execute(fence, []).unwrap(), 1);
    let status = pipeline.wait_until("restart", |status| {
        status["restarts"].as_u64() == Some(1) && status["state"] == "running"
    });
    assert_eq!(status["generation"], 2, "{status:#}");
    assert!(status["last_failure"].as_str().unwrap().contains("has taken over"), "{status:#}");
    let done = running.wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("argus: restored job=script checkpoint="), "{}", done.stderr);
    assert!(!done.stderr.contains("argus: running"), "it was said before\n{}", done.stderr);
    assert_eq!(pipeline.rows(), Pipeline::clean_rows());
}

#[test]
fn a_job_between_two_restarts_is_stopped_at_once() {
    let pipeline = Pipeline::new();
    let mut running = pipeline.start_and_read(3_000, &[]);
    let fence = "UPDATE argus_commit SET epoch = epoch + 1000 WHERE sink LIKE '%fence'";
    assert_eq!(pipeline.database().execute(fence, []).unwrap(), 1);
    pipeline.wait_until("restarts", |status| status["restarts"].as_u64() > Some(2));
    assert!(pipeline.told(&STOP).starts_with("argus: stopped job=script"));
    let done = running.wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
}

#[test]
fn a_signal_ends_a_job_whose_database_is_away() {
    let pipeline = Pipeline::new();
    let mut running = pipeline.start_and_read(3_000, &[]);
    let database = pipeline.database();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let env = Env::system();
    running.signal("TERM");
    let done = running.wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert!(env.elapsed() < Duration::from_secs(15), "{:?}", env.elapsed());
    database.execute_batch("ROLLBACK").unwrap();
    let done = pipeline.finish(&[]);
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert_eq!(pipeline.rows(), Pipeline::clean_rows());
}

#[test]
fn the_socket_is_its_owners_and_answers_only_requests() {
    let pipeline = Pipeline::new();
    std::fs::create_dir_all(pipeline.path("state/script")).unwrap();
    let path = pipeline.path("state/script/control.sock");
    // One of a worker that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let dead = pipeline.argus(&STOP);
    assert_eq!(dead.exit_code, Some(1));
    assert!(dead.stderr.contains("its worker has died"), "{}", dead.stderr);
    let mut running = pipeline.start_and_read(1, &[]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let ask = |request: &[u8]| -> Value {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(request).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    for wrong in [&b"GET / HTTP/1.1\n"[..], b"{\"command\":\"start\"}\n", &[b'x'; 5_000]] {
        assert_eq!(ask(wrong)["ok"], false);
    }
    assert_eq!(ask(b"{\"command\":\"status\"}\n")["status"]["job"], "script");
    let end = &ask(b"{\"command\":\"stop\",\"drain\":false,\"savepoint\":false}\n")["end"];
    assert_eq!(end["how"], "stopped", "{end}");
    assert_eq!(running.wait().exit_code, Some(0));
}

#[test]
fn a_socket_at_which_another_job_answers_is_left_alone() {
    let pipeline = Pipeline::new();
    let at = |name| ["--control", "shared.sock", "--set", name];
    let mut first = pipeline.start(&at("pipeline.name=first"));
    first.wait_for("argus: running job=first");
    for dir in [&["--dir", "state"][..], &[]] {
        let done = pipeline.start_plain(&[dir, &at("pipeline.name=second")].concat()).wait();
        assert_eq!(done.exit_code, Some(1), "{}", done.stderr);
        assert!(done.stderr.contains("error[AR6003]"), "{}", done.stderr);
        assert!(done.stderr.contains("the worker of the job 'first'"), "{}", done.stderr);
    }
    // The same job takes it over, and anybody does when its worker has died.
    let mut again = pipeline.start(&at("pipeline.name=first"));
    again.wait_for("argus: running job=first");
    assert_eq!(first.wait().exit_code, Some(4));
    again.signal("KILL");
    assert_eq!(again.wait().exit_code, None);
    let mut second = pipeline.start(&at("pipeline.name=second"));
    second.wait_for("argus: running job=second");
    pipeline.told(&["stop", "--control", "shared.sock"]);
    assert_eq!(second.wait().exit_code, Some(0));
}

#[test]
fn a_long_path_has_its_socket_elsewhere() {
    let pipeline = Pipeline::new();
    let dir = "x".repeat(120);
    let mut running = pipeline.start_plain(&["--dir", &dir]);
    let line = running.wait_for("argus: control=");
    running.wait_for("argus: running job=script");
    let stop = pipeline.told(&["stop", "script", "--dir", &dir]);
    assert!(stop.starts_with("argus: stopped job=script"), "{stop}");
    assert_eq!(running.wait().exit_code, Some(0));
    let socket = line.split('=').nth(1).unwrap();
    assert!(!std::path::Path::new(socket).exists(), "{socket}");
}

#[test]
fn arguments_without_effect_are_refused() {
    let select = "SELECT 1 AS a;";
    let wrong: [(&[&str], &str); 5] = [
        (&["--fresh"], "--fresh is for jobs that take checkpoints"),
        (&["--from-savepoint", "x"], "--from-savepoint is for jobs"),
        (&["--allow-state-loss", "x"], "--allow-state-loss is for jobs"),
        (&["--dir", "x"], "--dir is for jobs that take checkpoints"),
        (&["--fresh", "--from-savepoint", "x"], "cannot be used with"),
    ];
    for (arguments, expected) in wrong {
        let done = run_script(select, arguments);
        assert_eq!(done.exit_code, Some(2), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(expected), "{arguments:?}: {}", done.stderr);
    }
    let pipeline = Pipeline::new();
    for (arguments, exit_code, expected) in [
        (&["stop"][..], 2, "say which job"),
        (&["status", "script"], 2, "ARGUS_CHECKPOINT_DIR"),
        (&["status", "script", "--dir", "a", "--control", "b"], 2, "cannot be used with"),
        (&["savepoint", "script", "--dir", "state"], 1, "no worker of job 'script' is running"),
    ] {
        let done = pipeline.argus(arguments);
        assert_eq!(done.exit_code, Some(exit_code), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(expected), "{arguments:?}: {}", done.stderr);
    }
    let points = pipeline.told(&["--fault-points"]);
    assert_eq!(points.lines().count(), 8, "{points}");
    assert!(points.contains("manifest   the manifest of a checkpoint"), "{points}");
}

#[test]
fn a_select_prints_its_rows_at_every_start() {
    let pipeline = Pipeline::new();
    pipeline.edit(|script| {
        let select = script.replace("INSERT INTO totals SELECT", "SELECT");
        format!("SET 'execution.checkpointing.dir' = 'state';{select}")
    });
    for _ in 0..2 {
        let done = pipeline.argus(&[&["run", "script.sql"], &FAST[..]].concat());
        assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        assert_eq!(done.stdout.lines().count(), 240);
    }
    assert!(!pipeline.path("state").exists());
}
