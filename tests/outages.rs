//! Servers that are away, come back, or turn the job away: real Kafka, real PostgreSQL, the shipped
//! job. A job that runs stalls and goes on without losing a row; one that starts says why not.

mod servers;

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use servers::event::Event;
use servers::job::{Done, Job};
use servers::kafka::Message;
use servers::pipeline::{Pipeline, fixture};
use servers::postgres::PASSWORD;
use servers::tables::{check_by_messages, number};
use servers::{wait_until, world};

/// What is told at once must be told within this time, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(15);

/// Servers that are up: tests that need them so hold it shared, those that end one alone.
static UP: RwLock<()> = RwLock::new(());

fn up() -> RwLockReadGuard<'static, ()> {
    UP.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    UP.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The first phase of the fixture, in which no row is late while all partitions that speak are
/// heard, in two halves.
fn halves() -> (Vec<Message>, Vec<Message>) {
    let mut first = fixture();
    first.retain(|message| message.phase == 1);
    let second = first.split_off(first.len() / 2);
    (first, second)
}

#[test]
fn the_job_stalls_while_the_broker_is_away() {
    let _alone = alone();
    let mut pipeline = Pipeline::new("broker_away", 4);
    // An outage must not make partitions idle, though it lasts longer than this.
    pipeline.set("IDLE_TIMEOUT_SECONDS", "3");
    let job = pipeline.job();
    assert!(job.is_ready());
    let (first, second) = halves();
    pipeline.send(&first);
    job.wait_read(first.len());
    world().broker.0.kill();
    job.wait_ready(false);
    argus_base::Env::system().sleep(Duration::from_secs(4));
    assert!(job.series("argus_source_idle").iter().all(|(_, idle)| *idle == 0.0));
    world().broker.0.come_back();
    pipeline.send(&second);
    job.wait_ready(true);
    finish(job, "broker_away", [first, second].concat());
}

/// Waits until everything is read and computed, and compares the tables with it.
fn finish(job: Job, database: &str, messages: Vec<Message>) {
    job.wait_read(messages.len());
    job.wait_idle(4);
    assert_eq!(job.metric("argus_operator_late_records_total", &[]), 0.0);
    job.stop();
    check_by_messages(database, &messages);
}

#[test]
fn the_job_stalls_while_the_database_is_away() {
    let _alone = alone();
    let mut pipeline = Pipeline::new("database_away", 4);
    pipeline.set("IDLE_TIMEOUT_SECONDS", "5");
    let job = pipeline.job();
    let server = &world().server.0;
    let (first, mut second) = halves();
    let third = second.split_off(second.len() / 2);
    pipeline.send(&first);
    job.wait_read(first.len());
    let logged = || number("database_away", "SELECT count(*) FROM event_log");
    wait_until("rows in the log", || logged() > 0, || job.stderr());
    server.kill();
    pipeline.send(&second);
    let retries = || job.metric("argus_sink_retries_total", &[]);
    wait_until("retries", || retries() > 0.0, || job.stderr());
    job.wait_ready(false);
    server.come_back();
    job.wait_ready(true);
    // An orderly end tells every connection so.
    let before = retries();
    server.stop();
    pipeline.send(&third);
    wait_until("more retries", || retries() > before, || job.stderr());
    server.come_back();
    job.wait_ready(true);
    finish(job, "database_away", [first, second, third].concat());
}

#[test]
fn a_signal_ends_the_job_while_the_database_is_away() {
    let _alone = alone();
    let pipeline = Pipeline::new("database_gone", 1);
    let job = pipeline.job();
    world().server.0.kill();
    pipeline.send([&Event::failed("lost", 0).message()]);
    job.wait_ready(false);
    job.stop();
    // One that starts now waits for the database, and finds what the other could not write.
    let mut next = pipeline.start_job(&[]);
    world().server.0.come_back();
    next.wait_running();
    next.wait_read(1);
    next.stop();
    assert_eq!(number("database_gone", "SELECT count(*) FROM event_log"), 1);
}

#[test]
fn sasl_and_tls_by_the_variables_of_the_job() {
    let _up = up();
    let broker = &world().broker;
    let mut pipeline = Pipeline::new("guarded", 4);
    pipeline
        .set("KAFKA_BOOTSTRAP_SERVERS", broker.variable("SASL_SSL"))
        .set("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
        .set("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
        .set("KAFKA_USERNAME", "alice")
        .set("KAFKA_PASSWORD", "alice-secret")
        .set("KAFKA_SSL_CA", &format!("{}/ca.pem", broker.variable("CERTS")))
        .set("PG_SSLMODE", "require");
    let (first, second) = halves();
    let messages = [first, second].concat();
    pipeline.send(&messages);
    finish(pipeline.job(), "guarded", messages);

    pipeline.set("KAFKA_SSL_CA", "");
    check_refused(&pipeline, &["certificate"]);
}

/// The job must end at once with exit code 1 and say these words, and never a password.
fn check_refused(pipeline: &Pipeline, words: &[&str]) -> Done {
    let done = pipeline.start_job(&[]).wait();
    assert!(done.waited < AT_ONCE, "{:?}\n{}", done.waited, done.stderr);
    check_said(&done, words);
    done
}

fn check_said(done: &Done, words: &[&str]) {
    assert_eq!(done.exit_code, Some(1), "{}", done.stderr);
    for word in words {
        assert!(done.stderr.contains(word), "{word}\n{}", done.stderr);
    }
    assert!(!done.stderr.contains(PASSWORD), "{}", done.stderr);
    assert!(!done.stderr.contains("argus: running"), "{}", done.stderr);
}

#[test]
fn a_wrong_password_is_told_at_once() {
    let _up = up();
    let mut pipeline = Pipeline::new("password", 1);
    pipeline.set("PG_PASSWORD", "geheim");
    let done = check_refused(&pipeline, &["password authentication failed", "pulse"]);
    assert!(!done.stderr.contains("geheim"), "{}", done.stderr);

    pipeline
        .set("PG_PASSWORD", PASSWORD)
        .set("KAFKA_BOOTSTRAP_SERVERS", world().broker.variable("SASL_PLAINTEXT"))
        .set("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
        .set("KAFKA_USERNAME", "alice")
        .set("KAFKA_PASSWORD", "geheim");
    let done = check_refused(&pipeline, &["uthentication failed"]);
    assert!(!done.stderr.contains("geheim"), "{}", done.stderr);
}

#[test]
fn what_is_missing_is_told_at_once() {
    let _up = up();
    let mut pipeline = Pipeline::new("missing", 1);
    pipeline.set("KAFKA_TOPIC", "nowhere");
    check_refused(&pipeline, &["nowhere"]);
    pipeline.set("KAFKA_TOPIC", "missing").set("PG_DATABASE", "no_such_database");
    check_refused(&pipeline, &["no_such_database"]);
    pipeline.set("PG_DATABASE", "missing");
    world().server.run("missing", "DROP TABLE event_log");
    check_refused(&pipeline, &["event_log"]);
    world().server.run("missing", "CREATE TABLE event_log (event_id text UNIQUE)");
    check_refused(&pipeline, &["event_log"]);
}

#[test]
fn what_goes_missing_ends_a_running_job() {
    let _up = up();
    let check = |name: &str, take_away: &dyn Fn(&str), words: &[&str]| {
        let pipeline = Pipeline::new(name, 1);
        let mut job = pipeline.job();
        take_away(name);
        let done = job.wait();
        assert_eq!(done.exit_code, Some(1), "{}", done.stderr);
        for word in words {
            assert!(done.stderr.contains(word), "{word}\n{}", done.stderr);
        }
    };
    let change_table = |sql: &str, name: &str| {
        world().server.run(name, sql);
        world().broker.send(name, [&Event::failed("one", 0).message()]);
    };
    check("dropped", &|name| change_table("DROP TABLE event_log", name), &["event_log"]);
    let revoke = "REVOKE INSERT ON event_log FROM pulse";
    check("revoked", &|name| change_table(revoke, name), &["event_log", "permission denied"]);
    check("deleted", &|name| world().broker.delete_topic(name), &["deleted"]);
}

#[test]
fn a_server_that_is_away_at_the_start_is_waited_for() {
    let _up = up();
    let check = |name: &str, value: &str, words: &[&str]| {
        let mut pipeline = Pipeline::new(&format!("away_{}", name.to_lowercase()), 1);
        pipeline.set(name, value);
        let done = pipeline.start_job(&["--set", "argus.connect.timeout=3 s"]).wait();
        check_said(&done, words);
        assert!((3..18).contains(&done.waited.as_secs()), "{:?}\n{}", done.waited, done.stderr);
    };
    check("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9", &["127.0.0.1:9", "refused"]);
    check("PG_PORT", "9", &["127.0.0.1:9", "refused"]);
}
