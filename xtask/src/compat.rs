//! COMPAT.md, made of the SQL cases: what of Flink SQL runs here, and what differs.
//!
//! The cases are the truth: `tests/sql.rs` runs each against what Flink answered, and knows those
//! that differ by `tests/sql/known-differences.txt`, each line of which must still be true.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::tree::{self, TextFile};

const CASES: &str = "tests/sql/";
const DIFFERENCES: &str = "tests/sql/known-differences.txt";

const HEAD: &str = "\
# Flink SQL in Argus

Written by `cargo xtask compat` from the cases in `tests/sql`, whose results were recorded \
from Apache Flink 2.2.1. *yes*: the same
rows. *no*: refused with a code, exit code 3. *differs*: see the note. A case may hold \
several statements.

## Differences by intent

| where | Flink 2.2 | Argus | why |
|---|---|---|---|
| Lateness | with the periodic emit strategy, rows are late by the clock | always by the \
row: a row is late when a row before it in its partition moved the watermark past its \
window | the same input gives the same result |
| `INSERT` after `INSERT` | one job each | consecutive ones are one job that reads shared \
sources and views once; `table.dml-sync` = true runs them one after another | one read of \
the input |
| Kafka source, `isolation.level` | read_uncommitted, the client's default | read_committed \
where the script does not say | aborted rows are not data |
| Kafka sink, delivery | at-least-once by default | exactly-once where the job takes \
checkpoints and the table says nothing else; the rows of all tables on a cluster are one \
transaction | a restart repeats nothing |
| `sink.transactional-id-prefix` | needed by exactly-once | `pipeline.name` where it is not \
written | one name less to choose |
| A restored offset that retention has deleted | goes on where `auto.offset.reset` says | the \
job stops and names the offsets | lost rows are told |
| State beyond memory | with RocksDB all of it goes to disk | only what is beyond \
`argus.state.memory-limit` does | memory is faster |
| `EXPLAIN` | Calcite's plans | its own text, with the ids that metrics use | |
| Unknown `argus.` setting | ignored | refused with the nearest name | |

";

const AREAS: [(&str, &str); 8] = [
    ("query", "Queries and statements"),
    ("window", "Windows"),
    ("group", "Groups without windows"),
    ("function", "Functions"),
    ("type", "Types and formats"),
    ("error/plan", "Refused, as Flink refuses it"),
    ("error/runtime", "Fails on its data, as in Flink"),
    ("later", "Not yet"),
];

/// Writes COMPAT.md.
pub fn run() -> Result<()> {
    tree::write("COMPAT.md", &page(&tree::text_files()?)?)
}

/// The text of COMPAT.md.
pub fn page(files: &[TextFile]) -> Result<String> {
    let differences = files.iter().find(|file| file.path == DIFFERENCES);
    let differences = parse_differences(differences.map_or("", |file| &file.text))?;
    let mut page = HEAD.to_owned();
    for (area, title) in AREAS {
        let cases: Vec<(&str, &TextFile)> = cases(files, area).collect();
        if cases.is_empty() {
            continue;
        }
        page.push_str(&format!("## {title}\n\n| case | runs | note |\n|---|---|---|\n"));
        for (name, file) in cases {
            let difference = differences.get(format!("{area}/{name}").as_str());
            page.push_str(&row(area, name, file, difference));
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    Ok(page)
}

fn row(area: &str, name: &str, file: &TextFile, difference: Option<&&str>) -> String {
    let comment = file.text.lines().next().and_then(|line| line.strip_prefix("-- "));
    let comment = comment.unwrap_or_default();
    let (runs, note) = match difference {
        Some(reason) => ("differs", *reason),
        None if area == "later" => ("no", comment),
        None => ("yes", comment),
    };
    let path = &file.path;
    format!("| [{}]({path}) | {runs} | {} |\n", name.replace('-', " "), note.replace('|', "\\|"))
}

fn cases<'a>(files: &'a [TextFile], area: &str) -> impl Iterator<Item = (&'a str, &'a TextFile)> {
    let folder = format!("{CASES}{area}/");
    files.iter().filter_map(move |file| {
        let name = file.path.strip_prefix(&folder)?.strip_suffix(".sql")?;
        (!name.contains('/')).then_some((name, file))
    })
}

/// Reason by case: `window/hop: reason`.
fn parse_differences(text: &str) -> Result<BTreeMap<&str, &str>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|line| {
        line.split_once(": ").with_context(|| format!("{DIFFERENCES}: '{line}' has no reason"))
    });
    parsed.collect()
}
