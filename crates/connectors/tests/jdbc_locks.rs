//! What becomes of a job that takes checkpoints while somebody else locks its table in PostgreSQL:
//! nothing waits without end, and what waited is written once.

#[allow(dead_code, reason = "each file of tests uses a part")]
#[path = "common/jdbc_run.rs"]
mod jdbc_run;
#[allow(dead_code, reason = "each file of tests uses a part")]
#[path = "common/jdbc_table.rs"]
mod jdbc_table;
#[allow(dead_code, reason = "each file of tests uses a part")]
#[path = "common/postgres_server.rs"]
mod server;

use std::time::Duration;

use argus_base::connector::OnError;
use argus_base::{Env, ErrorKind};
use jdbc_run::{Run, checkpointed, failure_of, output, owner};
use jdbc_table::{context, flush, hand_over, inserts, pairs};
use server::shared;

#[test]
fn a_committer_waits_for_a_locked_table_in_turns() {
    let server = shared();
    server.run("CREATE TABLE locked_staged (id bigint, name text)");
    let mut table = pairs("locked_staged", &server.url("postgres", ""));
    table.primary_key.clear();
    let context = checkpointed(context(OnError::Fail));
    let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
    run.commit(1, &[output(1, vec![inserts(0..10, "a")])]).unwrap();
    let mut other = server.client();
    other.batch_execute("BEGIN; LOCK TABLE locked_staged").unwrap();
    let next = [output(2, vec![inserts(10..20, "b")])];
    let clock = Env::system();
    // The second attempt connects anew, and has its statements prepared.
    for _ in 0..2 {
        let started = clock.elapsed();
        let error = run.commit(2, &next).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
        assert!(error.to_string().contains("lock timeout"), "{error}");
        assert!(clock.elapsed() - started < Duration::from_secs(15));
    }
    other.batch_execute("COMMIT").unwrap();
    run.commit(2, &next).unwrap();
    let rows = server.rows("SELECT count(*), count(DISTINCT id) FROM locked_staged");
    assert_eq!(rows, ["20|20"]);
}

#[test]
fn a_writer_outlives_a_locked_table() {
    let server = shared();
    server.run("CREATE TABLE locked_early (id bigint PRIMARY KEY, name text)");
    let table = pairs("locked_early", &server.url("postgres", ""));
    let context = checkpointed(context(OnError::Fail));
    let run = Run::open(&table, &context, owner(1, 1)).unwrap();
    let mut writer = run.writer();
    hand_over(writer.as_mut(), inserts(0..1, "a")).unwrap();
    flush(writer.as_mut()).unwrap();
    let mut other = server.client();
    other.batch_execute("BEGIN; LOCK TABLE locked_early").unwrap();
    hand_over(writer.as_mut(), inserts(1..3, "b")).unwrap();
    let clock = Env::system();
    while context.metrics.sum("argus_sink_retries_total", &[]) < 2.0 {
        writer.poll().unwrap();
        clock.sleep(Duration::from_millis(20));
    }
    other.batch_execute("COMMIT").unwrap();
    flush(writer.as_mut()).unwrap();
    assert_eq!(server.rows("SELECT id FROM locked_early ORDER BY id"), ["0", "1", "2"]);
}

#[test]
fn a_writer_that_waits_for_a_row_lets_the_table_be_taken_over() {
    let server = shared();
    server.run(
        "CREATE TABLE locked_row (id bigint PRIMARY KEY, name text);
         INSERT INTO locked_row VALUES (1, 'other')",
    );
    let table = pairs("locked_row", &server.url("postgres", ""));
    let context = checkpointed(context(OnError::Fail));
    let old = Run::open(&table, &context, owner(1, 1)).unwrap();
    let mut other = server.client();
    other.batch_execute("BEGIN; UPDATE locked_row SET name = 'other 2'").unwrap();
    let mut writer = old.writer();
    hand_over(writer.as_mut(), inserts(1..2, "old")).unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity \
         WHERE wait_event_type = 'Lock' AND query LIKE '%locked_row%'";
    let clock = Env::system();
    while server.rows(waiting) != ["1"] {
        clock.sleep(Duration::from_millis(5));
    }
    // The marker is free again although nobody gave the row back.
    Run::open(&table, &context, owner(1, 2)).unwrap();
    let error = failure_of(writer.as_mut());
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(server.rows("SELECT name FROM locked_row"), ["other 2"]);
}
