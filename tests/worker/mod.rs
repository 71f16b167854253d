//! A pipeline of datagen, windows and SQLite in a folder of its own, and its workers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use argus_base::Env;
use rusqlite::Connection;
use serde_json::Value;

use crate::process::{Done, Running, argus_in};

/// Something that has not happened within this time will not happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// 240 rows in the end: 24 windows of 10 keys; 2,000 rows a second are read at this speed.
const SCRIPT: &str = "
SET 'argus.datagen.seed' = '7';
SET 'argus.datagen.start' = '2025-01-01T00:00:00Z';
SET 'argus.datagen.speed' = '20';
SET 'execution.checkpointing.interval' = '100 ms';
CREATE TABLE events (
  k INT, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'number-of-rows' = '24000',
        'fields.k.min' = '0', 'fields.k.max' = '9', 'fields.v.min' = '0', 'fields.v.max' = '99');
CREATE TABLE totals (w TIMESTAMP(3), k INT, n BIGINT, s BIGINT) WITH (
  'connector' = 'jdbc', 'url' = 'jdbc:sqlite:out.db', 'table-name' = 'totals');
INSERT INTO totals SELECT window_start, k, COUNT(*), SUM(v)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, k;
";

/// The rows are there at once.
pub const FAST: [&str; 2] = ["--set", "argus.datagen.speed=0"];

/// A folder with `script.sql`, `out.db`, and `state` for the checkpoints.
pub struct Pipeline {
    folder: tempfile::TempDir,
}

impl Pipeline {
    /// A fresh one.
    pub fn new() -> Pipeline {
        let pipeline = Pipeline { folder: tempfile::tempdir().unwrap() };
        pipeline.edit(|script| script.to_owned());
        let create = "CREATE TABLE totals (w TEXT, k INTEGER, n INTEGER, s INTEGER)";
        pipeline.database().execute_batch(create).unwrap();
        pipeline
    }

    /// What it writes without checkpoints, as fast as it can.
    pub fn clean_rows() -> Vec<String> {
        let pipeline = Pipeline::new();
        pipeline.edit(|script| script.replace("'execution.checkpointing", "'ignored"));
        let done = pipeline.argus(&[&["run", "script.sql"], &FAST[..]].concat());
        assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        let rows = pipeline.rows();
        assert_eq!(rows.len(), 240);
        rows
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the script, changed.
    pub fn edit(&self, change: impl Fn(&str) -> String) {
        std::fs::write(self.path("script.sql"), change(SCRIPT)).unwrap();
    }

    pub fn database(&self) -> Connection {
        let database = Connection::open(self.path("out.db")).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        database
    }

    /// The rows of the table, in order.
    pub fn rows(&self) -> Vec<String> {
        let database = self.database();
        let select = "SELECT w || '|' || k || '|' || n || '|' || s AS row FROM totals ORDER BY 1";
        let mut select = database.prepare(select).unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Runs a command to its end.
    pub fn argus(&self, arguments: &[&str]) -> Done {
        argus_in(self.folder.path(), arguments)
    }

    /// Runs a command that succeeds, and returns what it printed.
    #[track_caller]
    pub fn told(&self, arguments: &[&str]) -> String {
        let done = self.argus(arguments);
        assert_eq!(done.exit_code, Some(0), "{arguments:?}\n{}", done.stderr);
        done.stdout
    }

    /// Starts the script with checkpoints in `state`.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_plain(&[&["--dir", "state"], arguments].concat())
    }

    /// Starts the script with these arguments alone.
    pub fn start_plain(&self, arguments: &[&str]) -> Running {
        Running::start_in(self.folder.path(), arguments)
    }

    /// Starts the script, and waits until it has read so many rows and taken a checkpoint.
    pub fn start_and_read(&self, n_rows: u64, arguments: &[&str]) -> Running {
        let mut running = self.start(arguments);
        running.wait_for("argus: running job=script");
        self.wait_until("rows read", |status| {
            n_read(status) >= n_rows && status["checkpoints"]["completed"].as_u64() > Some(1)
        });
        running
    }

    /// Runs the script with checkpoints to its end, as fast as it can.
    pub fn finish(&self, arguments: &[&str]) -> Done {
        self.start(&[&FAST[..], arguments].concat()).wait()
    }

    /// What the worker tells.
    pub fn status(&self) -> Value {
        let text = self.told(&["status", "script", "--dir", "state", "--json"]);
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until the worker tells something.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let env = Env::system();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(env.elapsed() < PATIENCE, "no {what}: {status:#}");
            env.sleep(Duration::from_millis(20));
        }
    }

    /// What is stored.
    pub fn state(&self) -> Value {
        let text = self.told(&["state", "show", "state/script", "--json"]);
        serde_json::from_str(&text).unwrap()
    }

    /// The files of a folder of the state, in order.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let found = std::fs::read_dir(self.path("state/script").join(folder)).unwrap();
        let mut files: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Rows read by a worker.
pub fn n_read(status: &Value) -> u64 {
    let sources = status["sources"].as_array().unwrap().iter();
    let splits = sources.flat_map(|source| source["splits"].as_array().unwrap());
    splits.map(|split| split["records"].as_u64().unwrap()).sum()
}

/// Changes the byte in the middle of a file.
pub fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(file, bytes).unwrap();
}
