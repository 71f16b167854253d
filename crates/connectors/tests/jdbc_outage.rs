//! The jdbc connector while the database goes away and comes back: nothing is lost, and the
//! writer says whether it is ready.

#[path = "common/jdbc_table.rs"]
mod jdbc_table;
#[path = "common/postgres_server.rs"]
mod server;

use std::time::{Duration, Instant};

use argus_base::connector::OnError;
use argus_base::sink::SinkWriter;
use argus_base::{Env, ErrorKind};
use jdbc_table::{context, drain, hand_over, inserts, pairs, write_all, writer};
use server::Server;

fn wait_until(writer: &mut dyn SinkWriter, is_ready: bool) {
    let began = Instant::now();
    while writer.is_ready() != is_ready {
        writer.poll().unwrap();
        assert!(began.elapsed() < Duration::from_secs(30), "ready is never {is_ready}");
        Env::system().sleep(Duration::from_millis(5));
    }
}

#[test]
fn rows_survive_a_restart_and_a_crash() {
    let server = Server::start(&[]);
    server.run("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
    let table = pairs("t", &server.url("postgres", ""));
    let context = context(OnError::Fail);
    let mut writer = writer(&table, &context).unwrap();
    wait_until(writer.as_mut(), true);
    let mut next = 0;
    let mut write_some = |writer: &mut dyn SinkWriter| {
        for _ in 0..3 {
            hand_over(writer, inserts(next..next + 100, "x")).unwrap();
            next += 100;
        }
    };
    write_some(writer.as_mut());
    server.stop();
    write_some(writer.as_mut());
    wait_until(writer.as_mut(), false);
    server.come_back();
    wait_until(writer.as_mut(), true);
    write_some(writer.as_mut());
    server.kill();
    write_some(writer.as_mut());
    wait_until(writer.as_mut(), false);
    server.come_back();
    writer.end_input().unwrap();
    drain(writer.as_mut()).unwrap();
    assert_eq!(server.rows("SELECT count(*), max(id) FROM t"), ["1200|1199"]);
    assert!(context.metrics.sum("argus_sink_retries_total", &[]) >= 2.0);
    assert_eq!(context.metrics.sum("argus_sink_records_total", &[]), 1200.0);
}

#[test]
fn an_idle_writer_notices_that_the_server_is_away() {
    let server = Server::start(&[]);
    server.run("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
    let table = pairs("t", &server.url("postgres", ""));
    let mut writer = writer(&table, &context(OnError::Fail)).unwrap();
    wait_until(writer.as_mut(), true);
    server.kill();
    wait_until(writer.as_mut(), false);
    server.come_back();
    wait_until(writer.as_mut(), true);
}

#[test]
fn at_the_start_a_server_is_waited_for_only_so_long() {
    let server = Server::start(&[]);
    server.run("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
    server.stop();
    let table = pairs("t", &server.url("postgres", ""));
    let mut impatient = context(OnError::Fail);
    impatient.connect_timeout = Duration::from_secs(1);
    let error = write_all(&table, &impatient, vec![inserts(0..1, "x")]).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Transient, "AR3502"));
    assert!(error.to_string().contains("refused"), "{error}");
    let mut patient = writer(&table, &context(OnError::Fail)).unwrap();
    assert!(!patient.is_ready());
    server.come_back();
    hand_over(patient.as_mut(), inserts(0..1, "x")).unwrap();
    patient.end_input().unwrap();
    drain(patient.as_mut()).unwrap();
    assert_eq!(server.rows("SELECT count(*) FROM t"), ["1"]);
}
