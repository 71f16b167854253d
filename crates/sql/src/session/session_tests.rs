//! Scripts → steps.

use std::collections::BTreeMap;

use super::{JobKind, Session, SessionOptions, Step};
use crate::Diagnostic;
use crate::show::{Cell, Rows};
use crate::test_catalog::Connectors;

const TABLES: &str = "
CREATE TABLE s (a INT, b STRING) WITH ('connector' = 'file', 'note' = '${SECRET:x}');
CREATE TABLE endless (a INT, b STRING) WITH ('connector' = 'file', 'note' = 'endless');
CREATE TABLE t (a INT, b STRING) WITH ('connector' = 'out');
CREATE TABLE u (a INT, b STRING) WITH ('connector' = 'out');
";

fn with_session<T>(work: impl FnOnce(&mut Session<'_>) -> T) -> T {
    let connectors = Connectors::new();
    let variables = |name: &str| (name == "SECRET").then(|| "hunter2".to_owned());
    let mut session = Session::new(SessionOptions {
        connectors: &connectors,
        variables: &variables,
        settings: BTreeMap::from([(
            "pipeline.name".to_owned(),
            "from the command line".to_owned(),
        )]),
        overrides: BTreeMap::new(),
        time_zone: "UTC".to_owned(),
        job_name: "job".to_owned(),
    })
    .unwrap();
    work(&mut session)
}

fn run(script: &str) -> Result<Vec<Step>, Diagnostic> {
    with_session(|session| session.run_script(script))
}

/// One word a step: how many sinks an INSERT job has, `select`, or the rows.
#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let script = format!("{TABLES}{script}");
    let steps = run(&script).unwrap_or_else(|e| panic!("{}", e.render("x", &script, false)));
    let shown: Vec<String> = steps.iter().map(show).collect();
    assert_eq!(shown, expected);
}

fn show(step: &Step) -> String {
    match step {
        Step::Rows(rows) => rows_text(rows),
        Step::Job(job) => match &job.kind {
            JobKind::Select { columns } => {
                let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                format!("select {}", names.join(","))
            }
            JobKind::Insert => {
                let is_sink = |node: &&argus_plan::Node| node.output.is_empty();
                format!("insert {}", job.graph.nodes.iter().filter(is_sink).count())
            }
        },
    }
}

fn rows_text(rows: &Rows) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "-".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
    };
    let row = |row: &Vec<Cell>| row.iter().map(cell).collect::<Vec<String>>().join("|");
    rows.rows.iter().map(row).collect::<Vec<String>>().join("\n")
}

#[track_caller]
fn error(script: &str, expected: &str) {
    let script = format!("{TABLES}{script}");
    let error = run(&script).expect_err("the script is refused");
    let span = error.span.expect("it has a place");
    let at = &script[span.start as usize..span.end as usize];
    assert_eq!(format!("{} {at}: {}", error.code, error.message), expected);
}

const INTO_T: &str = "INSERT INTO t SELECT * FROM s;";
const INTO_U: &str = "INSERT INTO u SELECT * FROM s;";

#[test]
fn consecutive_inserts_are_one_job() {
    check(&format!("{INTO_T}{INTO_U}"), &["insert 2"]);
    check(&format!("EXECUTE STATEMENT SET BEGIN {INTO_T}{INTO_U} END;{INTO_T}"), &["insert 3"]);
    check(&format!("BEGIN STATEMENT SET;{INTO_T}{INTO_U}END;"), &["insert 2"]);
    check(&format!("{INTO_T}CREATE VIEW v AS SELECT 1 AS x;{INTO_U}"), &["insert 2"]);
    check(&format!("{INTO_T}SELECT a FROM s;{INTO_U}"), &["insert 1", "select a", "insert 1"]);
    check(&format!("{INTO_T}DROP TABLE t;{INTO_U}"), &["insert 2"]);
    check(&format!("SET 'table.dml-sync'='true';{INTO_T}{INTO_U}"), &["insert 1", "insert 1"]);
    check(
        &format!("SET 'table.dml-sync'='true';BEGIN STATEMENT SET;{INTO_T}{INTO_U}END;{INTO_T}"),
        &["insert 2", "insert 1"],
    );
}

#[test]
fn what_may_not_stand_between_inserts() {
    error(
        &format!("{INTO_T}SET 'parallelism.default' = '2';{INTO_U}"),
        "AR1106 'parallelism.default': 'parallelism.default' is set between INSERT statements \
         that are one job",
    );
    check(
        &format!("{INTO_T}SET 'parallelism.default' = '2';SELECT a FROM s;"),
        &["insert 1", "select a"],
    );
    error(
        &format!(
            "{INTO_T}DROP TABLE t;CREATE TABLE t (a INT, b STRING) WITH \
             ('connector'='out');{INTO_T}"
        ),
        "AR1106 INSERT INTO t SELECT * FROM s: 't' was made anew between INSERT statements that \
         are one job",
    );
    error(
        "INSERT INTO t SELECT * FROM endless; SELECT a FROM s",
        "AR1110 SELECT a FROM s: this query would never run: the INSERT job before it does not end",
    );
    error(
        &format!("BEGIN STATEMENT SET;{INTO_T}SELECT 1;END;"),
        "AR1104 SELECT 1: only INSERT statements may stand in a statement set",
    );
    error(&format!("BEGIN STATEMENT SET;{INTO_T}"), "AR1104 : the statement set is not closed");
    error("END;", "AR1104 END: no statement set is open here");
}

#[test]
fn settings() {
    check("SET 'a' = 'b'; SET 'c' = 'd'; RESET 'a'; SET;", &["c|d"]);
    check("SET 'a' = 'b'; RESET; SET;", &[""]);
    error(
        "SET 'argus.datagen.sed' = '1'",
        "AR1111 'argus.datagen.sed': unknown setting 'argus.datagen.sed'",
    );
    error(
        "SET 'parallelism.default' = '${SECRET}'",
        "AR1111 '${SECRET}': setting 'parallelism.default': expected a whole number from 1 to \
         32768",
    );
    let steps = run(&format!("{TABLES}SET 'pipeline.name' = 'mine'; SELECT a FROM s")).unwrap();
    let [Step::Job(job)] = &steps[..] else { panic!("one job") };
    assert_eq!(job.graph.settings.name, "from the command line");
}

#[test]
fn lists_and_descriptions() {
    check("SHOW TABLES LIKE '_'", &["s\nt\nu"]);
    check(
        "CREATE VIEW v AS SELECT a + 1 AS x FROM s; SHOW VIEWS; DESCRIBE v",
        &["v", "x|INT|true|-|-|-"],
    );
    check(
        "USE CATALOG default_catalog; USE default_catalog.default_database; SHOW CURRENT DATABASE",
        &["default_database"],
    );
    error("USE other", "AR1112 other: there is no database 'other'");
    error("SHOW TABLES FROM other", "AR1112 other: there is no catalog or database 'other'");
    error("DESCRIBE nope", "AR1201 nope: there is no table or view 'nope'");
    error("SHOW CREATE VIEW s", "AR1107 s: 's' is no view");
}

#[test]
fn values_of_variables_are_not_shown() {
    check(
        "SHOW CREATE TABLE s",
        &["CREATE TABLE `default_catalog`.`default_database`.`s` (
  `a` INT,
  `b` VARCHAR(2147483647)
)
WITH (
  'connector' = 'file',
  'note' = '${SECRET:x}'
)
"],
    );
    let script =
        "CREATE TABLE t (a INT) WITH ('connector' = 'file', '${SECRET}' = '1'); SELECT * FROM t";
    let error = run(script).unwrap_err();
    let shown = format!("{error:?}{}", error.render("x", script, true));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_refused_script_leaves_the_session_as_it_was() {
    with_session(|session| {
        session.run_script("CREATE TABLE a (x INT); SET 'k' = 'v'").unwrap();
        session.run_script("DROP TABLE a; CREATE TABLE b (x INT); SELECT nope FROM a").unwrap_err();
        assert_eq!(session.catalog().names(), ["a"]);
        let steps = session.run_script("SET").unwrap();
        assert_eq!(show(&steps[0]), "k|v");
    });
}

#[test]
fn values_of_variables_are_not_shown_by_plans_and_messages() {
    let script = format!("{TABLES}EXPLAIN SELECT a FROM s WHERE b = 'x-${{SECRET}}'");
    let steps = run(&script).unwrap();
    let shown = show(&steps[0]);
    assert!(shown.contains("'x-${SECRET}'") && !shown.contains("hunter2"), "{shown}");
    let steps = run("SET 'token' = '${SECRET}'; SET").unwrap();
    assert_eq!(show(&steps[0]), "token|${SECRET}");
    with_session(|session| {
        let script = format!("{TABLES}SELECT a FROM s WHERE b = '${{SECRET}}'");
        let steps = session.run_script(&script).unwrap();
        let Step::Job(job) = &steps[0] else { panic!("{steps:?}") };
        let shown = session.explain(&job.graph);
        assert!(shown.contains("'${SECRET}'") && !shown.contains("hunter2"), "{shown}");
    });
    let script = format!("{TABLES}SELECT CAST(DATE '${{SECRET}}' AS INT) FROM s");
    let error = run(&script).unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn the_longest_chains_bind() {
    for chain in [" + 1", " AND TRUE", " || 'x'", " IS NULL"] {
        let start = if chain == " AND TRUE" { "TRUE" } else { "b" };
        let start = if chain == " + 1" { "a" } else { start };
        let _ = run(&format!("{TABLES}SELECT {start}{} FROM s", chain.repeat(499)));
        let nested = format!("({start}{})", chain.repeat(400));
        let _ = run(&format!("{TABLES}SELECT CASE WHEN {nested} IS NULL THEN {nested} END FROM s"));
    }
    let unions = format!("SELECT 1 AS x{}", " UNION ALL SELECT 1".repeat(249));
    let steps = run(&unions).unwrap();
    assert_eq!(show(&steps[0]), "select x");
    let nested = format!("{}SELECT 1 AS x{}", "SELECT * FROM (".repeat(15), ")".repeat(15));
    run(&nested).unwrap();
    let case = format!("SELECT {}1{} AS x", "CASE WHEN TRUE THEN ".repeat(50), " END".repeat(50));
    run(&case).unwrap();
}
