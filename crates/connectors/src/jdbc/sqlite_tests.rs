//! Tests of the SQLite sink on files of their own.

use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{ConnectorContext, OnError};
use argus_base::id::SubtaskIndex;
use argus_base::sink::{Delivery, Sink, SinkStatus};
use argus_base::{Batch, Env, RowKind};
use arrow_array::{
    ArrayRef, Decimal128Array, Float64Array, Int32Array, StringViewArray, TimestampMillisecondArray,
};

use super::*;
use crate::metrics::{SINK_RECORDS, SINK_SKIPPED};
use crate::testing::{TestClock, TestFolder, context, table, write_all};

const MINUTE: i64 = 60_000;

struct World {
    folder: TestFolder,
    context: ConnectorContext,
}

impl World {
    fn new(ddl: &str) -> World {
        let folder = TestFolder::new();
        Connection::open(folder.path("db")).unwrap().execute_batch(ddl).unwrap();
        let context = context(&Arc::new(TestClock::default()), &[]);
        World { folder, context }
    }

    fn table(&self, name: &str, key: &[usize]) -> TableDescriptor {
        let url = format!("jdbc:sqlite:{}", self.folder.path("db"));
        let options = [("connector", "jdbc"), ("url", url.as_str()), ("table-name", name)];
        let fields = [
            ("id", TypeRoot::Int),
            ("name", TypeRoot::STRING),
            ("price", TypeRoot::Decimal { precision: 10, scale: 2 }),
            ("rate", TypeRoot::Double),
            ("at", TypeRoot::timestamp(3)),
        ];
        let mut table = table(&fields, &options);
        table.primary_key = key.to_vec();
        table
    }

    fn write(&self, table: &TableDescriptor, batches: Vec<Batch>) -> argus_base::Result<()> {
        crate::jdbc::check(table).unwrap();
        let sink = crate::jdbc::sink(table, "t", Delivery::AtLeastOnce, &self.context)?;
        let mut writer = sink.writer(SubtaskIndex(0), 1)?;
        write_all(writer.as_mut(), batches)
    }

    fn refused(&self, table: &TableDescriptor) -> String {
        self.write(table, vec![batch(&[(RowKind::Insert, 1, "a")])]).unwrap_err().to_string()
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        texts_of(&Connection::open(self.folder.path("db")).unwrap(), sql)
    }

    fn count(&self, spec: &argus_base::metrics::MetricSpec) -> f64 {
        self.context.metrics.sum(spec.name, &[("sink", "t"), ("job", "job")])
    }
}

fn texts_of(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn batch(rows: &[(RowKind, i32, &str)]) -> Batch {
    let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1)));
    let names = rows.iter().map(|row| (!row.2.is_empty()).then_some(row.2));
    let names: ArrayRef = Arc::new(names.collect::<StringViewArray>());
    let prices = Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(row.1) * 50));
    let prices: ArrayRef = Arc::new(prices.with_precision_and_scale(10, 2).unwrap());
    let rates: ArrayRef =
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| f64::from(row.1) / 4.0)));
    let times = rows.iter().map(|row| i64::from(row.1) * MINUTE);
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(times));
    let columns = [("id", ids), ("name", names), ("price", prices), ("rate", rates), ("at", times)];
    let records = RecordBatch::try_from_iter(columns).unwrap();
    Batch { records, kinds: Some(rows.iter().map(|row| row.0).collect()) }
}

const KEYED: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, price NUMERIC, rate REAL, at TEXT)";
const ALL: &str =
    "SELECT format('%s %s %s %s %s', id, coalesce(name, '-'), price, rate, at) FROM t ORDER BY id";

#[test]
fn upserts_and_deletes_by_key() {
    use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
    let world = World::new(KEYED);
    let first = batch(&[(Insert, 1, "a"), (Insert, 2, "b"), (Insert, 3, "")]);
    let second = batch(&[(UpdateBefore, 1, "a"), (UpdateAfter, 1, "c"), (Delete, 2, "b")]);
    world.write(&world.table("t", &[0]), vec![first, second]).unwrap();
    let expected = ["1 c 0.5 0.25 1970-01-01 00:01:00", "3 - 1.5 0.75 1970-01-01 00:03:00"];
    assert_eq!(world.rows(ALL), expected);
    assert_eq!(world.count(&SINK_RECORDS), 6.0);
}

#[test]
fn appends_without_a_key() {
    let world = World::new(&KEYED.replace(" PRIMARY KEY", ""));
    let rows = batch(&[(RowKind::Insert, 1, "a"), (RowKind::Insert, 1, "a")]);
    world.write(&world.table("t", &[]), vec![rows.clone(), rows]).unwrap();
    assert_eq!(world.rows("SELECT name FROM t"), ["a", "a", "a", "a"]);
}

#[test]
fn a_table_that_does_not_fit_is_told_at_once() {
    let world = World::new(KEYED);
    let missing = world.refused(&world.table("none", &[]));
    assert!(missing.contains("there is no table 'none'"), "{missing}");
    let no_key = world.refused(&world.table("t", &[1]));
    assert!(no_key.contains("no unique key (name)"), "{no_key}");
    let mut more = world.table("t", &[0]);
    more.physical.push(Field::new("extra", TypeRoot::Int.nullable()));
    let no_column = world.refused(&more);
    assert!(no_column.contains("has no column 'extra', but id, name"), "{no_column}");
    let mut elsewhere = world.table("t", &[0]);
    elsewhere.options.insert("url".to_owned(), "jdbc:sqlite:/nowhere.db".to_owned());
    assert!(world.refused(&elsewhere).contains("there is no database file"));
}

#[test]
fn a_refused_row_is_skipped_alone_or_ends_the_job() {
    let mut world = World::new(&KEYED.replace("name TEXT", "name TEXT NOT NULL"));
    let names: Vec<(RowKind, i32, &str)> =
        (0..100).map(|i| (RowKind::Insert, i, if i == 37 { "" } else { "x" })).collect();
    let error = world.write(&world.table("t", &[0]), vec![batch(&names)]).unwrap_err().to_string();
    assert!(error.contains("table 't'") && error.contains("NOT NULL constraint"), "{error}");
    assert_eq!(world.rows("SELECT '' || count(*) FROM t"), ["0"]);
    world.context.on_sink_error = OnError::Skip;
    world.write(&world.table("t", &[0]), vec![batch(&names)]).unwrap();
    assert_eq!(world.rows("SELECT '' || count(*) FROM t"), ["99"]);
    assert_eq!((world.count(&SINK_SKIPPED), world.count(&SINK_RECORDS)), (1.0, 99.0));
}

#[test]
fn a_locked_database_is_waited_for_and_rows_wait_no_longer_than_the_interval() {
    let mut world = World::new(KEYED);
    world.context.env = Env::system();
    let mut table = world.table("t", &[0]);
    table.options.insert("sink.buffer-flush.interval".to_owned(), "20 ms".to_owned());
    let sink = crate::jdbc::sink(&table, "t", Delivery::AtLeastOnce, &world.context).unwrap();
    let mut writer = sink.writer(SubtaskIndex(0), 1).unwrap();
    let other = Connection::open(world.folder.path("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(writer.poll().unwrap(), SinkStatus::Ready);
    writer.write(batch(&[(RowKind::Insert, 1, "a")])).unwrap();
    world.context.env.sleep(Duration::from_millis(100));
    assert_eq!(texts_of(&other, "SELECT '' || count(*) FROM t"), ["0"]);
    other.execute_batch("COMMIT").unwrap();
    while texts_of(&other, "SELECT name FROM t").is_empty() {
        writer.poll().unwrap();
        std::thread::yield_now();
    }
    assert!(writer.is_ready());
}

#[test]
fn an_old_row_waits_for_its_new_one() {
    use RowKind::{Insert, UpdateAfter, UpdateBefore};
    let mut world = World::new(KEYED);
    world.context.env = Env::system();
    let sink =
        crate::jdbc::sink(&world.table("t", &[0]), "t", Delivery::AtLeastOnce, &world.context)
            .unwrap();
    let mut writer = sink.writer(SubtaskIndex(0), 1).unwrap();
    let connection = Connection::open(world.folder.path("db")).unwrap();
    let names = || texts_of(&connection, "SELECT name FROM t");
    writer.write(batch(&[(Insert, 1, "a")])).unwrap();
    while names().is_empty() {
        writer.poll().unwrap();
        std::thread::yield_now();
    }
    writer.write(batch(&[(UpdateBefore, 1, "a")])).unwrap();
    world.context.env.sleep(Duration::from_millis(100));
    assert_eq!(names(), ["a"]);
    writer.write(batch(&[(UpdateAfter, 1, "b")])).unwrap();
    while names() == ["a"] {
        writer.poll().unwrap();
        std::thread::yield_now();
    }
    assert_eq!(names(), ["b"]);
}

#[test]
fn a_disk_that_is_full_or_fails_is_waited_for() {
    let world = World::new(KEYED);
    let full = Connection::open(world.folder.path("db")).unwrap();
    full.execute_batch("PRAGMA max_page_count = 1").unwrap();
    let fill = "INSERT INTO t (id, name) VALUES (?, hex(zeroblob(4096)))";
    let error = (0..100).find_map(|id| full.execute(fill, [id]).err()).unwrap();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
    let is_transient = |error| matches!(failure(error), Failure::Transient(_));
    assert!(is_transient(error));
    let of_code = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
    assert!(is_transient(of_code(rusqlite::ffi::SQLITE_IOERR_WRITE)));
    assert!(is_transient(of_code(rusqlite::ffi::SQLITE_IOERR_FSYNC)));
    assert!(!is_transient(of_code(rusqlite::ffi::SQLITE_READONLY)));
}
