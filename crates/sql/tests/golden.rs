//! Scripts of `tests/golden` with what comes of them: `.plan` for what is printed and the plan of
//! each job, `.error` for what is refused. `ARGUS_BLESS=1` writes them anew.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use argus_sql::show::{Cell, Rows};
use argus_sql::{JobKind, Step};
use common::{Connectors, session};

#[test]
fn golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "sql")).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let wrong: Vec<String> = scripts.iter().filter_map(|script| check(script)).collect();
    assert!(wrong.is_empty(), "{}\nARGUS_BLESS=1 writes them anew", wrong.join("\n\n"));
}

/// What differs, where something does.
fn check(script: &Path) -> Option<String> {
    let (extension, text) = result(script);
    let other = if extension == "plan" { "error" } else { "plan" };
    let file = script.with_extension(extension);
    if std::env::var_os("ARGUS_BLESS").is_some() {
        fs::write(&file, text).expect("the folder can be written");
        let _ = fs::remove_file(script.with_extension(other));
        return None;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    (expected != text)
        .then(|| format!("{}\n--- expected\n{expected}--- is\n{text}", file.display()))
}

fn result(script: &Path) -> (&'static str, String) {
    let text = fs::read_to_string(script).expect("it is text");
    let name = script.file_name().and_then(|name| name.to_str()).expect("it has a name");
    let connectors = Connectors::new();
    match session(&connectors).run_script(&text) {
        Ok(steps) => {
            let steps: Vec<String> = steps.iter().map(step_text).collect();
            ("plan", steps.join("\n"))
        }
        Err(error) => ("error", error.render(name, &text, false)),
    }
}

fn step_text(step: &Step) -> String {
    match step {
        Step::Rows(rows) => rows_text(rows),
        Step::Job(job) => {
            let kind = match job.kind {
                JobKind::Insert => "INSERT",
                JobKind::Select { .. } => "SELECT",
            };
            let ends = if job.is_bounded { "bounded" } else { "unbounded" };
            format!("{kind}, {ends}: {}", argus_plan::explain::explain(&job.graph))
        }
    }
}

fn rows_text(rows: &Rows) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
    };
    let names: Vec<&str> = rows.columns.iter().map(|column| column.name.as_str()).collect();
    let mut out = names.join(" | ") + "\n";
    for row in &rows.rows {
        out += &(row.iter().map(cell).collect::<Vec<String>>().join(" | ") + "\n");
    }
    out
}
