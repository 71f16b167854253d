//! The binary as a user meets it: exit codes, help, messages, forms of output, signals, metrics.

mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use argus_base::Env;
use process::{Running, argus, argus_in, run_script};

const ENDLESS: &str = "
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000');
CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT n FROM numbers;
";

#[test]
fn help_has_examples_and_exit_codes() {
    let done = argus(&["--help"]);
    assert_eq!(done.exit_code, Some(0));
    for word in ["Examples:", "argus run job.sql", "Exit codes:", "ARGUS_LOG"] {
        assert!(done.stdout.contains(word), "{word}\n{}", done.stdout);
    }
    assert!(argus(&["run", "--help"]).stdout.contains("NAME.OPTION=VALUE"));
    let version = argus(&["--version"]).stdout;
    assert_eq!(version.trim(), format!("argus {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_arguments_exit_with_2() {
    let wrong: [&[&str]; 6] = [
        &[],
        &["rum"],
        &["run"],
        &["run", "no-such-file.sql"],
        &["run", "x.sql", "--table", "t=1"],
        &["run", "x.sql", "--parallelism", "0"],
    ];
    for arguments in wrong {
        let done = argus(arguments);
        assert_eq!(done.exit_code, Some(2), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains("error") || arguments.is_empty(), "{}", done.stderr);
    }
}

#[test]
fn a_wrong_script_is_shown_where_it_is_wrong() {
    let done = run_script("SELECT a\nFROM missing;\n", &[]);
    assert_eq!(done.exit_code, Some(2), "{}", done.stderr);
    for word in ["error[AR1201]", "script.sql:2:6", "FROM missing", "^^^^^^^"] {
        assert!(done.stderr.contains(word), "{word}\n{}", done.stderr);
    }
    assert_eq!(done.stdout, "");
}

#[test]
fn what_does_not_run_yet_exits_with_3() {
    let done = run_script("SELECT a FROM (VALUES (1), (1)) AS t (a) INTERSECT SELECT 1;", &[]);
    assert_eq!(done.exit_code, Some(3), "{}", done.stderr);
    assert!(done.stderr.contains("error[AR2"), "{}", done.stderr);
}

#[test]
fn a_failure_at_run_time_exits_with_1() {
    let script = "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'json',
                    'path' = 'no/such/folder');
                  SELECT a FROM t;";
    let done = run_script(script, &[]);
    assert_eq!(done.exit_code, Some(1), "{}", done.stderr);
    for word in ["error[AR3401]", "no/such/folder", "= help:", "docs/error/AR3401.md"] {
        assert!(done.stderr.contains(word), "{word}\n{}", done.stderr);
    }
}

#[test]
fn a_text_too_long_for_any_memory_is_refused() {
    for call in ["REPEAT('abcdefghij', 2147483647)", "LPAD('a', 2147483647, 'b')"] {
        let done = run_script(&format!("SELECT CHAR_LENGTH({call});"), &[]);
        assert_eq!(done.exit_code, Some(1), "{}", done.stderr);
        assert!(done.stderr.contains("error[AR4006]"), "{}", done.stderr);
    }
}

#[test]
fn a_connector_of_flinks_exits_with_3() {
    let script = "CREATE TABLE t (a INT) WITH ('connector' = 'upsert-kafka'); SELECT a FROM t;";
    let done = run_script(script, &[]);
    assert_eq!(done.exit_code, Some(3), "{}", done.stderr);
    assert!(done.stderr.contains("error[AR2211]"), "{}", done.stderr);
}

#[test]
fn rows_are_json_when_nobody_looks_and_a_table_on_request() {
    let script = "SELECT a, b FROM (VALUES (1, 'x'), (2, CAST(NULL AS STRING))) AS t (a, b);";
    let json = run_script(script, &[]);
    let expected = "{\"op\":\"+I\",\"row\":{\"a\":1,\"b\":\"x\"}}\n\
                    {\"op\":\"+I\",\"row\":{\"a\":2,\"b\":null}}\n";
    assert_eq!((json.exit_code, json.stdout.as_str()), (Some(0), expected), "{}", json.stderr);
    let table = run_script(script, &["--output", "table"]);
    assert!(table.stdout.contains("|          1 | x        |\n"), "{}", table.stdout);
    assert!(table.stdout.ends_with("2 rows\n"), "{}", table.stdout);
}

#[test]
fn a_job_is_announced_before_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.sql"), "SELECT 1 AS a;").unwrap();
    let printed = folder.path().join("printed");
    let terminal = std::fs::File::create(&printed).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_argus"))
        .args(["run", "script.sql"])
        .current_dir(folder.path())
        .stdout(terminal.try_clone().unwrap())
        .stderr(terminal)
        .status()
        .unwrap();
    assert!(status.success());
    let expected = "argus: running job=script parallelism=1 metrics=off\n\
                    {\"op\":\"+I\",\"row\":{\"a\":1}}\n";
    assert_eq!(std::fs::read_to_string(printed).unwrap(), expected);
}

#[test]
fn the_command_line_goes_before_the_script() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.json"), "{\"a\":1}\n{\"a\":2}\n").unwrap();
    let script = "SET 'pipeline.name' = 'from-script';
                  CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'json',
                    'path' = 'elsewhere');
                  SELECT a FROM t;";
    std::fs::write(folder.path().join("script.sql"), script).unwrap();
    let arguments =
        ["run", "script.sql", "--set", "pipeline.name=mine", "--table", "t.path=in.json"];
    let done = argus_in(folder.path(), &[&arguments[..], &["--parallelism", "2"]].concat());
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout.lines().count(), 2, "{}", done.stdout);
    let line = "argus: running job=mine parallelism=2 metrics=off\n";
    assert!(done.stderr.contains(line), "{}", done.stderr);
}

#[test]
fn a_small_file_is_read_at_once() {
    let env = Env::system();
    let done = run_script("SELECT 1 AS a;", &[]);
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    // The bar is 100 ms for an optimised build on a quiet machine; this is neither.
    assert!(env.elapsed() < Duration::from_secs(2), "{:?}", env.elapsed());
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let script = ENDLESS.replace("INSERT INTO nowhere ", "");
    let mut running = Running::start(&script, &[]);
    let mut first = [0; 20];
    running.stdout().read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"{\"op\":\"+I\",\"row\":{"));
    running.close_stdout();
    let done = running.wait();
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert!(!done.stderr.contains("error"), "{}", done.stderr);
}

#[test]
fn a_signal_ends_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let mut running = Running::start(ENDLESS, &[]);
        running.wait_for("argus: running job=script parallelism=1 metrics=off");
        let env = Env::system();
        running.signal(signal);
        let done = running.wait();
        assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        assert!(env.elapsed() < Duration::from_secs(15));
    }
}

#[test]
fn a_signal_ends_it_while_it_waits_for_a_server() {
    let broker = "CREATE TABLE t (a INT) WITH ('connector' = 'kafka', 'topic' = 't',
                    'properties.bootstrap.servers' = '127.0.0.1:1', 'format' = 'json',
                    'scan.startup.mode' = 'earliest-offset');
                  SELECT a FROM t;";
    let database = "CREATE TABLE t (a INT) WITH ('connector' = 'datagen');
                    CREATE TABLE u (a INT) WITH ('connector' = 'jdbc', 'table-name' = 'u',
                      'url' = 'jdbc:postgresql://127.0.0.1:1/x');
                    INSERT INTO u SELECT a FROM t;";
    for script in [broker, database] {
        let mut running = Running::start(script, &["--metrics", "127.0.0.1:0"]);
        Env::system().sleep(Duration::from_millis(500));
        let env = Env::system();
        running.signal("TERM");
        let done = running.wait();
        assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
        assert!(!done.stderr.contains("argus: running"), "{}", done.stderr);
        assert!(env.elapsed() < Duration::from_secs(5), "{:?}", env.elapsed());
    }
}

#[test]
fn the_plans_of_explain_show_no_variable() {
    let script = "CREATE TABLE t (a STRING) WITH ('connector' = 'datagen');
                  SELECT a FROM t WHERE a = '${PATH}';";
    let path = std::env::var("PATH").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script.sql"), script).unwrap();
    let done = argus_in(folder.path(), &["explain", "script.sql"]);
    assert_eq!(done.exit_code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("'${PATH}'"), "{}", done.stdout);
    assert!(!done.stdout.contains(&path), "{}", done.stdout);
}

#[test]
fn metrics_tell_what_the_job_does() {
    let mut running = Running::start(ENDLESS, &["--metrics", "127.0.0.1:0"]);
    let line = running.wait_for("argus: running job=script parallelism=1 metrics=127.0.0.1:");
    let address = line.rsplit('=').next().unwrap().to_owned();
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200 "));
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200 "));
    let env = Env::system();
    let counted = || {
        let text = get(&address, "/metrics");
        let line = text.lines().find(|line| line.starts_with("argus_source_records_total{"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    while counted() == 0.0 {
        assert!(env.elapsed() < Duration::from_secs(10), "no row was counted");
        env.sleep(Duration::from_millis(20));
    }
    running.signal("TERM");
    assert_eq!(running.wait().exit_code, Some(0));
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
