//! What a job that takes checkpoints leaves in a database: every row once, whatever attempt was
//! made twice, whoever came back from the dead. Against a real PostgreSQL, and SQLite.

#[path = "common/jdbc_run.rs"]
mod jdbc_run;
#[allow(dead_code, reason = "each file of tests uses a part")]
#[path = "common/jdbc_table.rs"]
mod jdbc_table;
#[path = "common/postgres_server.rs"]
mod server;

use std::path::PathBuf;
use std::time::Duration;

use argus_base::commit::{CommitRecord, Incarnation};
use argus_base::connector::{OnError, TableDescriptor};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Delivery, SinkStatus};
use argus_base::{Batch, Env, ErrorKind, Result, RowKind};
use jdbc_run::{Run, checkpointed, failure_of, output, owner, staged};
use jdbc_table::{batch, context, flush, hand_over, inserts, pairs};
use rusqlite::Connection;
use server::{Server, shared};

use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};

/// A database that a test has to itself.
enum Database {
    Postgres { server: &'static Server, name: String },
    Sqlite(Folder),
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("argus-jdbc-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn file(&self) -> String {
        self.0.join("db").to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("remove the folder");
    }
}

/// A database of each kind; `name` is the test's.
fn databases(name: &str) -> [Database; 2] {
    let server = shared();
    server.run(&format!("CREATE DATABASE {name}"));
    let sqlite = Database::Sqlite(Folder::new(name));
    sqlite.run("PRAGMA journal_mode = WAL");
    [Database::Postgres { server, name: name.to_owned() }, sqlite]
}

impl Database {
    fn url(&self) -> String {
        match self {
            Database::Postgres { server, name } => server.url(name, ""),
            Database::Sqlite(folder) => format!("jdbc:sqlite:{}", folder.file()),
        }
    }

    fn run(&self, sql: &str) {
        self.rows(sql);
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        match self {
            Database::Postgres { server, name } => server.rows_of(name, sql),
            Database::Sqlite(folder) => sqlite_rows(&folder.file(), sql),
        }
    }

    /// The table `t (id, name)`, in the job with a key or without.
    fn table(&self, keyed: bool) -> TableDescriptor {
        self.run(if keyed {
            "CREATE TABLE t (id bigint PRIMARY KEY, name text)"
        } else {
            "CREATE TABLE t (id bigint, name text)"
        });
        let mut table = pairs("t", &self.url());
        if !keyed {
            table.primary_key.clear();
        }
        table
    }

    fn n_rows(&self) -> String {
        self.rows("SELECT count(*) FROM t").remove(0)
    }

    fn markers(&self) -> Vec<String> {
        self.rows("SELECT job, sink, incarnation, epoch FROM argus_commit ORDER BY sink")
    }
}

fn sqlite_rows(file: &str, sql: &str) -> Vec<String> {
    let connection = Connection::open(file).expect("open");
    let mut statement = connection.prepare(sql).expect(sql);
    let n_columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        let values = (0..n_columns).map(|i| match row.get_ref(i)? {
            rusqlite::types::ValueRef::Null => Ok("-".to_owned()),
            rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
            other => Ok(other.as_str().expect("a text").to_owned()),
        });
        Ok(values.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
    };
    let mut rows = statement.query([]).expect(sql);
    let mut found = Vec::new();
    while let Some(row) = rows.next().expect(sql) {
        found.push(text(row).expect(sql));
    }
    found
}

fn record(incarnation: u64, checkpoint: u64) -> Option<CommitRecord> {
    let incarnation = Incarnation::new(incarnation);
    let checkpoint = CheckpointId(checkpoint);
    Some(CommitRecord { incarnation, checkpoint, manifest_hash: String::new() })
}

fn fenced<T>(result: Result<T>) {
    let error = result.err().expect("it is fenced");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Fenced, "AR3507"), "{error}");
}

#[test]
fn staged_rows_are_applied_once() {
    for database in databases("once") {
        let table = database.table(false);
        let context = checkpointed(context(OnError::Fail));
        let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
        assert_eq!((run.delivery(), run.found.clone()), (Delivery::Staged, None));
        assert!(run.sink.writer(SubtaskIndex(0), 1).is_err(), "a staged table has no writer");
        let first = [output(1, vec![inserts(0..2, "a"), inserts(0..1, "a")])];
        run.commit(1, &first).unwrap();
        run.commit(1, &first).unwrap();
        // A new committer, as after a crash, is handed what it may have committed before.
        let mut again = Run::open(&table, &context, owner(1, 2)).unwrap();
        assert_eq!(again.found, record(1, 1));
        let both = [output(2, vec![inserts(5..6, "b")]), first[0].clone()];
        again.commit(1, &both[1..]).unwrap();
        again.commit(2, &both).unwrap();
        again.commit(3, &[]).unwrap();
        assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), ["0", "0", "1", "5"]);
        let one = "0000000000000001";
        let markers = [format!("job|t|{one}|3"), format!("job|t/fence|{one}|2")];
        assert_eq!(database.markers(), markers);
        assert_eq!(context.metrics.sum("argus_sink_records_total", &[("sink", "t")]), 4.0);
    }
}

#[test]
fn staged_changes_are_applied_by_key_in_order() {
    for database in databases("changes") {
        let table = database.table(true);
        let context = staged(context(OnError::Fail));
        let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
        assert_eq!(run.delivery(), Delivery::Staged);
        let first = batch(&[(Insert, 1, "a"), (Insert, 2, "b"), (Insert, 3, "c")]);
        let second = batch(&[(UpdateBefore, 1, "a"), (UpdateAfter, 1, "a2"), (Delete, 2, "b")]);
        // More rows than one chunk takes, all of one key.
        let many = (0..10).map(|i| inserts(i * 8_192..(i + 1) * 8_192, "x")).collect::<Vec<_>>();
        let last = batch(&[(UpdateAfter, 4, "d"), (Delete, 70_000, "x")]);
        let outputs = [
            output(3, vec![last]),
            output(1, vec![first, second]),
            output(2, many.into_iter().map(by_ten_thousand).collect()),
        ];
        run.commit(3, &outputs).unwrap();
        let rows = database.rows("SELECT id, name FROM t WHERE id < 5 ORDER BY id");
        assert_eq!(rows, ["0|x", "1|x", "2|x", "3|x", "4|d"]);
        assert_eq!(database.rows("SELECT count(*), max(id) FROM t"), ["9|8"]);
        assert_eq!(context.metrics.sum("argus_sink_records_total", &[("sink", "t")]), 81_928.0);
    }
}

/// The same rows under a few keys only.
fn by_ten_thousand(rows: Batch) -> Batch {
    let ids = (0..rows.n_rows()).map(|row| (Insert, i64::try_from(row % 9).unwrap(), "x"));
    batch(&ids.collect::<Vec<_>>())
}

#[test]
fn a_table_with_a_key_is_written_early() {
    for database in databases("early") {
        let table = database.table(true);
        let context = checkpointed(context(OnError::Fail));
        let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
        assert_eq!(run.delivery(), Delivery::Idempotent);
        let mut writer = run.writer();
        hand_over(writer.as_mut(), inserts(0..3, "a")).unwrap();
        flush(writer.as_mut()).unwrap();
        assert_eq!(database.n_rows(), "3");
        run.commit(7, &[]).unwrap();
        run.commit(7, &[]).unwrap();
        let next = Run::open(&table, &context, owner(1, 2)).unwrap();
        assert_eq!(next.found, record(1, 7));
    }
}

#[test]
fn a_former_owner_writes_nothing_more() {
    for database in databases("zombie_early") {
        let table = database.table(true);
        let context = checkpointed(context(OnError::Fail));
        let mut old = Run::open(&table, &context, owner(1, 1)).unwrap();
        let mut writer = old.writer();
        hand_over(writer.as_mut(), inserts(0..3, "a")).unwrap();
        flush(writer.as_mut()).unwrap();
        let mut new = Run::open(&table, &context, owner(1, 2)).unwrap();
        hand_over(writer.as_mut(), inserts(3..6, "zombie")).unwrap();
        fenced::<()>(Err(failure_of(writer.as_mut())));
        fenced(old.commit(1, &[]));
        fenced(Run::open(&table, &context, owner(1, 1)));
        let mut writer = new.writer();
        hand_over(writer.as_mut(), inserts(10..11, "b")).unwrap();
        flush(writer.as_mut()).unwrap();
        new.commit(1, &[]).unwrap();
        assert_eq!(database.rows("SELECT id FROM t ORDER BY id"), ["0", "1", "2", "10"]);
    }
    for database in databases("zombie_staged") {
        let table = database.table(false);
        let context = checkpointed(context(OnError::Fail));
        let mut old = Run::open(&table, &context, owner(1, 1)).unwrap();
        let mut new = Run::open(&table, &context, owner(1, 2)).unwrap();
        fenced(old.commit(1, &[output(1, vec![inserts(0..3, "zombie")])]));
        new.commit(1, &[output(1, vec![inserts(0..1, "a")])]).unwrap();
        fenced(old.commit(2, &[output(2, vec![inserts(0..3, "zombie")])]));
        assert_eq!(database.rows("SELECT name FROM t"), ["a"]);
    }
}

#[test]
fn taking_over_waits_for_the_former_owners_transaction() {
    let server = shared();
    server.run("CREATE TABLE taken (id bigint PRIMARY KEY, name text)");
    let table = pairs("taken", &server.url("postgres", ""));
    let context = checkpointed(context(OnError::Fail));
    let old = Run::open(&table, &context, owner(1, 1)).unwrap();
    // The row lock of somebody else holds the old owner up in the middle of a transaction.
    let mut other = server.client();
    other.batch_execute("INSERT INTO taken VALUES (1, 'other')").unwrap();
    other.batch_execute("BEGIN; UPDATE taken SET name = 'other 2'").unwrap();
    let mut writer = old.writer();
    hand_over(writer.as_mut(), inserts(1..2, "old")).unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let clock = Env::system();
    while server.rows(waiting) != ["1"] {
        clock.sleep(Duration::from_millis(5));
    }
    let opening = std::thread::scope(|scope| {
        let opening = scope.spawn(|| Run::open(&table, &context, owner(1, 2)).map(|run| run.found));
        while server.rows(waiting) != ["2"] {
            clock.sleep(Duration::from_millis(5));
        }
        other.batch_execute("COMMIT").unwrap();
        opening.join().unwrap()
    });
    assert_eq!(opening.unwrap(), None);
    // What the old owner had begun is there before the new one has opened.
    assert_eq!(server.rows("SELECT name FROM taken"), ["old"]);
    hand_over(writer.as_mut(), inserts(1..2, "zombie")).unwrap();
    fenced::<()>(Err(failure_of(writer.as_mut())));
    assert_eq!(server.rows("SELECT name FROM taken"), ["old"]);
}

#[test]
fn a_new_incarnation_is_not_swallowed_by_the_marker_of_the_past() {
    for database in databases("incarnations") {
        let table = database.table(false);
        let context = checkpointed(context(OnError::Fail));
        let mut run = Run::open(&table, &context, owner(1, 9)).unwrap();
        run.commit(100, &[output(100, vec![inserts(0..1, "a")])]).unwrap();
        // A fresh start, whose store counts from the beginning.
        let mut fresh = Run::open(&table, &context, owner(2, 1)).unwrap();
        assert_eq!(fresh.found, record(1, 100));
        fresh.commit(1, &[output(1, vec![inserts(1..2, "b")])]).unwrap();
        fenced(run.commit(101, &[output(101, vec![inserts(2..3, "c")])]));
        assert_eq!(database.rows("SELECT name FROM t ORDER BY id"), ["a", "b"]);
        assert_eq!(Run::open(&table, &context, owner(2, 2)).unwrap().found, record(2, 1));
    }
}

#[test]
fn refused_rows_are_skipped_alone_or_undo_the_epoch() {
    for database in databases("refused") {
        let table = database.table(false);
        database.run("DROP TABLE t");
        database.run("CREATE TABLE t (id bigint, name text NOT NULL)");
        let rows: Vec<(RowKind, i64, &str)> =
            (0..20_000).map(|id| (Insert, id, if id % 9_999 == 37 { "" } else { "x" })).collect();
        let outputs = [output(1, vec![batch(&rows[..5]), batch(&rows[5..])])];
        let failing = checkpointed(context(OnError::Fail));
        let mut run = Run::open(&table, &failing, owner(1, 1)).unwrap();
        let error = run.commit(1, &outputs).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Data, "AR3505"), "{error}");
        assert_eq!(database.n_rows(), "0");
        let skipping = checkpointed(context(OnError::Skip));
        let mut run = Run::open(&table, &skipping, owner(1, 2)).unwrap();
        run.commit(1, &outputs).unwrap();
        assert_eq!(database.n_rows(), "19998");
        let metric = |name| skipping.metrics.sum(name, &[("sink", "t")]);
        assert_eq!(metric("argus_sink_skipped_total"), 2.0);
        assert_eq!(metric("argus_sink_records_total"), 19_998.0);
    }
}

#[test]
fn constraints_that_wait_for_the_commit_do_not_hide_the_row() {
    let server = shared();
    server.run(
        "CREATE TABLE staged_parents (id int PRIMARY KEY); INSERT INTO staged_parents VALUES (1);
         CREATE TABLE staged_children
           (name text, id int REFERENCES staged_parents DEFERRABLE INITIALLY DEFERRED)",
    );
    let mut table = pairs("staged_children", &server.url("postgres", ""));
    table.primary_key.clear();
    let context = checkpointed(context(OnError::Skip));
    let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
    run.commit(1, &[output(1, vec![inserts(1..4, "x")])]).unwrap();
    assert_eq!(server.rows("SELECT id FROM staged_children ORDER BY id"), ["1"]);
    assert_eq!(context.metrics.sum("argus_sink_skipped_total", &[]), 2.0);
}

#[test]
fn without_rights_it_says_which_statement_makes_the_markers() {
    let server = shared();
    server.run("CREATE USER marker_guest PASSWORD 'guest'");
    server.run("CREATE DATABASE guarded_markers");
    server.rows_of(
        "guarded_markers",
        "CREATE TABLE t (id bigint PRIMARY KEY, name text); GRANT ALL ON t TO marker_guest",
    );
    let mut table = pairs("t", &server.url("guarded_markers", ""));
    table.options.insert("username".to_owned(), "marker_guest".to_owned());
    table.options.insert("password".to_owned(), "guest".to_owned());
    let context = checkpointed(context(OnError::Fail));
    let error = Run::open(&table, &context, owner(1, 1)).err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR3506"), "{error}");
    let text = error.to_string();
    let statement = &text[text.find("CREATE TABLE").expect("the statement")..];
    server.rows_of("guarded_markers", statement);
    let error = Run::open(&table, &context, owner(1, 1)).err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR3503"), "{error}");
    server.rows_of("guarded_markers", "GRANT ALL ON argus_commit TO marker_guest");
    let run = Run::open(&table, &context, owner(1, 1)).unwrap();
    let mut writer = run.writer();
    hand_over(writer.as_mut(), inserts(0..1, "a")).unwrap();
    flush(writer.as_mut()).unwrap();
}

#[test]
fn the_markers_are_those_of_the_pipeline() {
    let server = shared();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/streampulse/postgres.sql");
    server.run("CREATE DATABASE written");
    server.run("CREATE DATABASE created");
    server.rows_of("written", &std::fs::read_to_string(path).unwrap());
    server.rows_of("created", "CREATE TABLE t (id bigint PRIMARY KEY, name text)");
    let table = pairs("t", &server.url("created", ""));
    Run::open(&table, &checkpointed(context(OnError::Fail)), owner(1, 1)).unwrap();
    let columns = "SELECT column_name, data_type, is_nullable FROM information_schema.columns \
         WHERE table_name = 'argus_commit' ORDER BY ordinal_position";
    let created = server.rows_of("created", columns);
    assert_eq!(created.len(), 4);
    assert_eq!(created, server.rows_of("written", columns));
}

#[test]
fn sinks_of_one_table_share_a_committer() {
    use argus_base::connector::{ConnectorFactory, SinkTable};
    let table = pairs("t", "jdbc:postgresql://nowhere/db");
    let mut namesake = table.clone();
    namesake.options.insert("table-name".to_owned(), "u".to_owned());
    let of = |table| SinkTable { table, metadata: &[], unstable_key: None };
    let connectors = argus_connectors::registry::Connectors::new();
    let tables = [of(&table), of(&namesake), of(&table)];
    let set = connectors.sinks(&tables, &checkpointed(context(OnError::Fail))).unwrap();
    let sinks: Vec<_> = set.committers.iter().map(|committer| committer.sinks.clone()).collect();
    assert_eq!((set.sinks.len(), sinks), (3, vec![vec![0, 2], vec![1]]));
    let deliveries = |tables: &[SinkTable<'_>]| -> Vec<Delivery> {
        let set = connectors.sinks(tables, &checkpointed(context(OnError::Fail))).unwrap();
        set.sinks.iter().map(|sink| sink.delivery()).collect()
    };
    assert_eq!(deliveries(&tables), [Delivery::Idempotent; 3]);
    // What one INSERT may leave behind on replay, another into the table does not hide.
    let unstable = SinkTable { unstable_key: Some("id depends on UUID"), ..of(&table) };
    let mixed = deliveries(&[of(&table), of(&namesake), unstable]);
    assert_eq!(mixed, [Delivery::Staged, Delivery::Idempotent, Delivery::Staged]);
    let set = connectors.sinks(&tables, &context(OnError::Fail)).unwrap();
    assert_eq!((set.committers.len(), set.sinks[0].delivery()), (0, Delivery::AtLeastOnce));
}

#[test]
fn an_outage_between_attempts_changes_nothing() {
    let server = Server::start(&[]);
    server.run("CREATE TABLE t (id bigint, name text)");
    let mut table = pairs("t", &server.url("postgres", ""));
    table.primary_key.clear();
    let context = checkpointed(context(OnError::Fail));
    let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
    run.commit(1, &[output(1, vec![inserts(0..10, "a")])]).unwrap();
    server.kill();
    let next = [output(2, vec![inserts(10..20, "b")])];
    for _ in 0..2 {
        let error = run.commit(2, &next).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    }
    server.come_back();
    run.commit(2, &next).unwrap();
    // The answer to this commit is lost: the server ends right after it.
    run.commit(3, &[output(3, vec![inserts(20..30, "c")])]).unwrap();
    server.stop();
    server.come_back();
    let again = run.commit(3, &[output(3, vec![inserts(20..30, "c")])]);
    assert_eq!(again.map_err(|error| error.kind()), Err(ErrorKind::Transient));
    run.commit(3, &[output(3, vec![inserts(20..30, "c")])]).unwrap();
    assert_eq!(server.rows("SELECT count(*), count(DISTINCT id) FROM t"), ["30|30"]);
    assert!(context.metrics.sum("argus_sink_retries_total", &[]) >= 3.0);
}

#[test]
fn a_row_that_comes_to_an_idle_writer_is_written_at_once() {
    let server = shared();
    server.run("CREATE TABLE prompt (id bigint PRIMARY KEY, name text)");
    let table = pairs("prompt", &server.url("postgres", ""));
    let context = checkpointed(context(OnError::Fail));
    let run = Run::open(&table, &context, owner(1, 1)).unwrap();
    let mut writer = run.writer();
    let mut client = server.client();
    let clock = Env::system();
    let mut times = Vec::new();
    while !writer.is_ready() {
        clock.sleep(Duration::from_millis(1));
    }
    for id in 0..10 {
        assert_eq!(writer.poll().unwrap(), SinkStatus::Ready);
        let started = clock.elapsed();
        writer.write(inserts(id..id + 1, "x")).unwrap();
        let is_there = |client: &mut postgres::Client| {
            !client.query("SELECT 1 FROM prompt WHERE id = $1", &[&id]).unwrap().is_empty()
        };
        while !is_there(&mut client) {
            clock.sleep(Duration::from_millis(1));
        }
        times.push(clock.elapsed() - started);
        clock.sleep(Duration::from_millis(30));
    }
    times.sort();
    println!("one row is there after {:?}, at the latest {:?}", times[5], times[9]);
    assert!(times[5] < Duration::from_millis(200), "{times:?}");
}

#[test]
fn many_rows_go_in_fast() {
    let server = shared();
    let clock = Env::system();
    let batches = || (0..25).map(|i| inserts(i * 4_000..(i + 1) * 4_000, "a name of some length"));
    for (name, key) in [("many_staged", vec![]), ("many_staged_keyed", vec![0])] {
        server.run(&format!("CREATE TABLE {name} (id bigint PRIMARY KEY, name text)"));
        let mut table = pairs(name, &server.url("postgres", ""));
        table.primary_key = key;
        let context = staged(context(OnError::Fail));
        let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
        let started = clock.elapsed();
        run.commit(1, &[output(1, batches().collect())]).unwrap();
        println!("{name}: 100,000 rows in {:?}", clock.elapsed() - started);
        assert_eq!(server.rows(&format!("SELECT count(*) FROM {name}")), ["100000"]);
    }
    server.run("CREATE TABLE many_early (id bigint PRIMARY KEY, name text)");
    let table = pairs("many_early", &server.url("postgres", ""));
    let context = checkpointed(context(OnError::Fail));
    let mut run = Run::open(&table, &context, owner(1, 1)).unwrap();
    let mut writer = run.writer();
    let started = clock.elapsed();
    for batch in batches() {
        hand_over(writer.as_mut(), batch).unwrap();
    }
    flush(writer.as_mut()).unwrap();
    run.commit(1, &[]).unwrap();
    println!("many_early: 100,000 rows in {:?}", clock.elapsed() - started);
    assert_eq!(server.rows("SELECT count(*) FROM many_early"), ["100000"]);
}
