//! What is in the pipeline's tables, compared with what must be there: by `check.py`, which
//! computes it from the messages alone, and with the tables that Flink made of the same messages.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kafka::Message;
use super::pipeline::to_lines;
use super::world;

const TABLES: [&str; 5] = ["content_stats", "region_health", "device_stats", "alerts", "event_log"];

fn tests_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/streampulse/tests")
}

/// Compares the tables of a database with what the messages say; the number of their rows.
pub fn check_by_messages(database: &str, messages: &[Message]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("messages.jsonl");
    std::fs::write(&lines, to_lines(messages)).unwrap();
    for table in TABLES {
        let text = csv(database, &format!("SELECT * FROM {table}"));
        std::fs::write(folder.path().join(format!("{table}.csv")), text).unwrap();
    }
    let output = Command::new("python3")
        .arg(tests_folder().join("check.py"))
        .args([&lines, folder.path()])
        .output()
        .expect("check.py needs python3: apt-get install python3");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let more = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "check.py on {database}:\n{said}{more}");
    let n_rows = |table| number(database, &format!("SELECT count(*) FROM {table}"));
    usize::try_from(TABLES.map(n_rows).iter().sum::<i64>()).unwrap()
}

/// Compares the tables of a database with those that Flink made of the fixture.
pub fn check_by_flink(database: &str) {
    for table in TABLES {
        let recorded = tests_folder().join(format!("fixtures/flink/{table}.csv"));
        let recorded = std::fs::read_to_string(recorded).unwrap();
        let columns = recorded.lines().next().unwrap().to_owned();
        let found = csv(database, &format!("SELECT {columns} FROM {table}"));
        let (wanted, found) = (records(&recorded), records(&found));
        let missing: Vec<_> = wanted.iter().filter(|record| !found.contains(record)).collect();
        let surplus: Vec<_> = found.iter().filter(|record| !wanted.contains(record)).collect();
        let equal = missing.is_empty() && surplus.is_empty() && wanted.len() == found.len();
        assert!(equal, "{table}\nmissing: {missing:#?}\nnot in Flink's: {surplus:#?}");
    }
}

/// A query's rows as CSV with a header line.
pub fn csv(database: &str, query: &str) -> String {
    let mut client = world().server.client(database);
    let copy = format!("COPY ({query}) TO STDOUT (FORMAT csv, HEADER)");
    let mut text = String::new();
    client.copy_out(&copy).expect(&copy).read_to_string(&mut text).unwrap();
    text
}

/// The texts that a query gives, one a row.
pub fn lines(database: &str, query: &str) -> Vec<String> {
    let rows = world().server.client(database).query(query, &[]).expect(query);
    rows.iter().map(|row| row.get(0)).collect()
}

/// The number that a query gives.
pub fn number(database: &str, query: &str) -> i64 {
    world().server.client(database).query_one(query, &[]).expect(query).get(0)
}

/// The records of a CSV text in order, each its fields. A comma or a line end within quotes belongs
/// to a field; NULL and an empty text look the same.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => push(&mut fields, '"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            '\n' if !is_quoted => records.push(std::mem::replace(&mut fields, vec![String::new()])),
            other => push(&mut fields, other),
        }
    }
    records.sort();
    records
}

fn push(fields: &mut [String], character: char) {
    fields.last_mut().expect("a record has a field").push(character);
}
