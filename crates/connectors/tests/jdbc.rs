//! The jdbc connector against a real PostgreSQL: changes, types, refused rows, refused logins,
//! TLS, and a server that goes away and comes back.

#[path = "common/jdbc_table.rs"]
mod jdbc_table;
#[path = "common/postgres_server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::{OnError, TableDescriptor};
use argus_base::sink::SinkWriter;
use argus_base::{Batch, Env, Error, ErrorKind, Field, RowKind, TypeRoot};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringViewArray, Time32MillisecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
};
use jdbc_table::{
    batch, context, drain, flush, hand_over, inserts, pairs, table, write_all, writer,
};
use server::{Server, shared};

use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};

fn url() -> String {
    shared().url("postgres", "sslmode=prefer")
}

fn error(table: &TableDescriptor) -> Error {
    let rows = vec![batch(&[(Insert, 1, "a")])];
    write_all(table, &context(OnError::Fail), rows).expect_err("it is refused")
}

#[test]
fn upserts_and_deletes_by_key() {
    let server = shared();
    server.run("CREATE TABLE upserts (id bigint, name text, note text DEFAULT 'n', UNIQUE (id))");
    let table = pairs("upserts", &url());
    let context = context(OnError::Fail);
    let first = batch(&[(Insert, 1, "a"), (Insert, 2, "b"), (Insert, 3, "c"), (Insert, 1, "a2")]);
    let second = batch(&[
        (UpdateBefore, 1, "a2"),
        (UpdateAfter, 1, ""),
        (Delete, 2, "b"),
        (Delete, 9, "none"),
        (Delete, 3, "c"),
        (Insert, 3, "c2"),
    ]);
    write_all(&table, &context, vec![first, second]).unwrap();
    let rows = server.rows("SELECT id, name, note FROM upserts ORDER BY id");
    assert_eq!(rows, ["1|-|n", "3|c2|n"]);
    assert_eq!(context.metrics.sum("argus_sink_records_total", &[("sink", "upserts")]), 10.0);
    write_all(&table, &context, vec![batch(&[(Delete, 1, ""), (Insert, 4, "d")])]).unwrap();
    assert_eq!(server.rows("SELECT id FROM upserts ORDER BY id"), ["3", "4"]);
}

#[test]
fn a_key_of_all_columns_does_nothing_twice() {
    let server = shared();
    server.run("CREATE TABLE keys (id bigint, name text, PRIMARY KEY (name, id))");
    let mut table = pairs("keys", &url());
    table.primary_key = vec![0, 1];
    for _ in 0..2 {
        write_all(&table, &context(OnError::Fail), vec![inserts(0..3, "x")]).unwrap();
    }
    assert_eq!(server.rows("SELECT count(*) FROM keys"), ["3"]);
}

#[test]
fn appends_without_a_key_to_a_table_of_another_schema() {
    let server = shared();
    server.run("CREATE SCHEMA \"Other\"; CREATE TABLE \"Other\".log (id int, name varchar(5))");
    let mut table = pairs("log", &shared().url("postgres", "currentSchema=Other,public"));
    table.primary_key.clear();
    write_all(&table, &context(OnError::Fail), vec![inserts(0..3, "x")]).unwrap();
    table.options.insert("table-name".to_owned(), "Other.LOG".to_owned());
    write_all(&table, &context(OnError::Fail), vec![inserts(0..3, "x")]).unwrap();
    assert_eq!(server.rows("SELECT count(*) FROM \"Other\".log"), ["6"]);
}

type Column = (&'static str, TypeRoot, ArrayRef);

/// Three values: an ordinary one, an extreme one, NULL.
fn three<A: From<Vec<Option<T>>> + arrow_array::Array + 'static, T>(one: T, two: T) -> ArrayRef {
    Arc::new(A::from(vec![Some(one), Some(two), None]))
}

fn numbers() -> Vec<Column> {
    let decimal = |scale| TypeRoot::Decimal { precision: 38, scale };
    let decimals = |scale| -> ArrayRef {
        let values = [Some(-12345), Some(10_i128.pow(38) - 1), None];
        let array = Decimal128Array::from_iter(values).with_precision_and_scale(38, scale);
        Arc::new(array.expect("38 digits"))
    };
    let numerics = three::<Float64Array, _>(0.125, -1e9);
    vec![
        ("bool", TypeRoot::Boolean, three::<BooleanArray, _>(true, false)),
        ("int2", TypeRoot::TinyInt, three::<Int8Array, _>(1, i8::MIN)),
        ("int2", TypeRoot::SmallInt, three::<Int16Array, _>(1, i16::MIN)),
        ("int4", TypeRoot::Int, three::<Int32Array, _>(1, i32::MIN)),
        ("int8", TypeRoot::BigInt, three::<Int64Array, _>(1, i64::MIN)),
        ("float4", TypeRoot::Float, three::<Float32Array, _>(0.1, f32::MAX)),
        ("float8", TypeRoot::Double, three::<Float64Array, _>(0.1, f64::NAN)),
        ("numeric", TypeRoot::Float, three::<Float32Array, _>(16_777_217.0, 1e-7)),
        ("numeric(12,2)", TypeRoot::Double, numerics),
        ("numeric", decimal(10), decimals(10)),
        ("numeric(38,0)", decimal(0), decimals(0)),
    ]
}

fn texts_and_times() -> Vec<Column> {
    let text = |one, two| three::<StringViewArray, &str>(one, two);
    let millis =
        || TimestampMillisecondArray::from(vec![Some(1_500), Some(-62_135_596_800_001), None]);
    let instants = || -> ArrayRef { Arc::new(millis().with_timezone("UTC")) };
    let micros = three::<TimestampMicrosecondArray, _>(1, 253_402_300_800_000_000);
    let uuids = ["00000000-0000-0000-0000-00000000000A", "{ffffffff-ffff-ffff-ffff-ffffffffffff}"];
    vec![
        ("text", TypeRoot::STRING, text("a\"\\'ü", "")),
        ("varchar(20)", TypeRoot::STRING, text("a\"\\'ü", "")),
        ("bytea", TypeRoot::BYTES, three::<BinaryViewArray, &[u8]>(b"\0\xff", b"")),
        ("date", TypeRoot::Date, three::<Date32Array, _>(18_262, -719_528)),
        ("time", TypeRoot::Time(3), three::<Time32MillisecondArray, _>(1, 86_399_999)),
        ("timestamp", TypeRoot::timestamp(3), Arc::new(millis())),
        ("timestamp(3)", TypeRoot::timestamp(6), micros),
        ("timestamptz", TypeRoot::timestamp_ltz(3), instants()),
        ("timestamp", TypeRoot::timestamp_ltz(3), instants()),
        ("jsonb", TypeRoot::STRING, text("{\"a\": 1}", "2")),
        ("uuid", TypeRoot::STRING, text(uuids[0], uuids[1])),
        ("mood", TypeRoot::STRING, text("sad", "ok")),
        ("small", TypeRoot::Int, three::<Int32Array, _>(1, 9)),
        ("int4[]", TypeRoot::Array(Box::new(TypeRoot::Int.nullable())), lists()),
    ]
}

fn lists() -> ArrayRef {
    let lists = [Some(vec![Some(1), None]), Some(vec![]), None];
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))
}

#[test]
fn every_type_arrives_without_loss() {
    let server = shared();
    server.run(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN small AS int4 CHECK (VALUE < 10)",
    );
    let mut ddl = Vec::new();
    let mut fields = vec![Field::new("n", TypeRoot::Int.nullable())];
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![0, 1, 2]));
    let mut columns = vec![("n".to_owned(), ids)];
    let all = numbers().into_iter().chain(texts_and_times());
    for (i, (sql, root, values)) in all.enumerate() {
        ddl.push(format!("c{i} {sql}"));
        fields.push(Field::new(format!("c{i}"), root.nullable()));
        columns.push((format!("c{i}"), values));
    }
    server.run(&format!("CREATE TABLE types (n int PRIMARY KEY, {})", ddl.join(", ")));
    let mut table = table("types", &url(), &[], &[0]);
    table.physical = fields;
    let mut context = context(OnError::Fail);
    context.time_zone = "Asia/Tokyo".to_owned();
    let records = RecordBatch::try_from_iter(columns).unwrap();
    write_all(&table, &context, vec![Batch::inserts(records)]).unwrap();
    let rows = server.rows("SET TimeZone = 'UTC'; SELECT * FROM types ORDER BY n");
    let ordinary = "0|t|1|1|1|1|0.1|0.1|16777216|0.13|-0.0000012345|-12345|\
        a\"\\'ü|a\"\\'ü|\\x00ff|2020-01-01|00:00:00.001|\
        1970-01-01 00:00:01.5|1970-01-01 00:00:00|\
        1970-01-01 00:00:01.5+00|1970-01-01 09:00:01.5|{\"a\": 1}|\
        00000000-0000-0000-0000-00000000000a|sad|1|{1,NULL}";
    assert_eq!(rows[0], ordinary);
    let extreme = "1|f|-128|-32768|-2147483648|-9223372036854775808|3.4028235e+38|NaN|0.00000010|\
        -1000000000.00|9999999999999999999999999999.9999999999|\
        99999999999999999999999999999999999999|||\\x|0001-01-01 BC|23:59:59.999|\
        0001-12-31 23:59:59.999 BC|10000-01-01 00:00:00|0001-12-31 23:59:59.999+00 BC|";
    assert!(rows[1].starts_with(extreme), "{}", rows[1]);
    assert_eq!(rows[2], format!("2{}", "|-".repeat(25)));
}

#[test]
fn refused_rows_are_skipped_alone() {
    let server = shared();
    server.run(
        "CREATE TABLE strict (id int PRIMARY KEY, name varchar(3) NOT NULL CHECK (name <> 'bad'))",
    );
    let rows = |bad: &[(i64, &str)]| {
        let mut rows: Vec<(RowKind, i64, String)> =
            (0..1000).map(|id| (Insert, id, "ok".to_owned())).collect();
        rows.extend(bad.iter().map(|(id, name)| (Insert, *id, (*name).to_owned())));
        let rows: Vec<_> =
            rows.iter().map(|(kind, id, name)| (*kind, *id, name.as_str())).collect();
        vec![batch(&rows)]
    };
    let bad = [(2000, "a\0b"), (1 << 40, "x"), (2001, ""), (2002, "bad"), (2003, "long")];
    let table = pairs("strict", &url());
    let skipping = context(OnError::Skip);
    write_all(&table, &skipping, rows(&bad)).unwrap();
    assert_eq!(server.rows("SELECT count(*), max(id) FROM strict"), ["1000|999"]);
    let metric = |name: &str| skipping.metrics.sum(name, &[("sink", "strict")]);
    assert_eq!(metric("argus_sink_skipped_total"), 5.0);
    assert_eq!(metric("argus_sink_records_total"), 1000.0);
    for (row, reason) in bad.iter().zip(["0x00", "out of range", "not-null", "check", "too long"]) {
        let error = write_all(&table, &context(OnError::Fail), rows(&[*row])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("'strict'") && text.contains(reason), "{text}");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Data, "AR3505"));
    }
}

#[test]
fn constraints_that_wait_for_the_commit_do_not_hide_the_row() {
    let server = shared();
    server.run(
        "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1), (2);
         CREATE TABLE children
           (name text, id int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)",
    );
    let mut table = pairs("children", &url());
    table.primary_key.clear();
    let skipping = context(OnError::Skip);
    write_all(&table, &skipping, vec![inserts(1..4, "x")]).unwrap();
    assert_eq!(server.rows("SELECT id FROM children ORDER BY id"), ["1", "2"]);
    assert_eq!(skipping.metrics.sum("argus_sink_skipped_total", &[]), 1.0);
}

#[test]
fn a_table_that_does_not_fit_is_told_at_once() {
    let server = shared();
    server.run(
        "CREATE TABLE unfit (id bigint PRIMARY KEY, name text);
         CREATE TABLE unkeyed (id bigint, name text);
         CREATE UNIQUE INDEX ON unkeyed (id) WHERE id > 0;
         CREATE TABLE demanding (id bigint PRIMARY KEY, name text, must int NOT NULL);
         CREATE TABLE typed (id bigint PRIMARY KEY, name timestamp)",
    );
    let told = |table: &TableDescriptor, code: &str, part: &str| {
        let error = error(table);
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!((error.kind(), error.code()), (ErrorKind::User, code), "{error}");
    };
    told(&pairs("nothing", &url()), "AR3504", "there is no table 'nothing'");
    told(&pairs("unkeyed", &url()), "AR3504", "no unique constraint on (\"id\")");
    told(&pairs("demanding", &url()), "AR3504", "the column 'must' is NOT NULL");
    told(
        &pairs("typed", &url()),
        "AR3504",
        "the column 'name' of type STRING cannot be written to 'name' of type timestamp without",
    );
    let mut more = pairs("unfit", &url());
    more.physical[1].name = "nome".to_owned();
    told(&more, "AR3504", "there is no column 'nome', but id, name");
}

#[test]
fn a_refused_login_is_told_at_once() {
    let server = shared();
    server.run(
        "CREATE TABLE guarded (id bigint PRIMARY KEY, name text);
         CREATE USER guest PASSWORD 'guest'; GRANT SELECT ON guarded TO guest",
    );
    let clock = Env::system();
    let told = |user: &str, password: &str, url: &str, part: &str| {
        let mut table = pairs("guarded", url);
        table.options.insert("username".to_owned(), user.to_owned());
        table.options.insert("password".to_owned(), password.to_owned());
        let error = error(&table);
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR3503"), "{error}");
    };
    told("postgres", "wrong", &url(), "password authentication failed");
    told("nobody", "x", &url(), "password authentication failed");
    told("guest", "guest", &url(), "may not insert into the table 'guarded'");
    told("postgres", "postgres", &server.url("nowhere", ""), "\"nowhere\" does not exist");
    assert!(clock.elapsed() < Duration::from_secs(10));
}

#[test]
fn tls_is_what_sslmode_says() {
    let server = shared();
    server.run("CREATE TABLE tls (id bigint PRIMARY KEY, name text)");
    let ca = server.variable("CA");
    let port = server.variable("PORT");
    for (parameters, is_encrypted) in [
        ("sslmode=disable".to_owned(), "f"),
        ("sslmode=prefer".to_owned(), "t"),
        ("sslmode=require".to_owned(), "t"),
        (format!("sslmode=verify-ca&sslrootcert={ca}"), "t"),
        (format!("sslmode=verify-full&sslrootcert={ca}"), "t"),
    ] {
        let name = format!("tls-{}", parameters.len());
        let url = server.url("postgres", &format!("{parameters}&ApplicationName={name}"));
        let mut writer = writer(&pairs("tls", &url), &context(OnError::Fail)).unwrap();
        hand_over(writer.as_mut(), inserts(0..1, "x")).unwrap();
        flush(writer.as_mut()).unwrap();
        let sql = format!(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE application_name = '{name}'"
        );
        assert_eq!(server.rows(&sql), [is_encrypted], "{parameters}");
    }
    // Another spelling of 127.0.0.1, which is not in the certificate.
    let alias = |parameters: &str| {
        format!("jdbc:postgresql://127.1:{port}/postgres?{parameters}&sslrootcert={ca}")
    };
    write_all(&pairs("tls", &alias("sslmode=verify-ca")), &context(OnError::Fail), Vec::new())
        .unwrap();
    for (url, part) in [
        (server.url("postgres", "sslmode=verify-ca"), "certificate verify failed"),
        (server.url("postgres", "sslmode=require&sslrootcert=/nothing.pem"), "sslrootcert"),
        (alias("sslmode=verify-full"), "certificate verify failed"),
    ] {
        let refused = error(&pairs("tls", &url));
        assert!(refused.to_string().contains(part), "{refused}");
        assert_eq!(refused.kind(), ErrorKind::User, "{refused}");
    }
}

#[test]
fn writers_of_the_same_keys_do_not_wait_for_each_other() {
    let server = shared();
    server.run("CREATE TABLE contended (id bigint PRIMARY KEY, name text)");
    let table = pairs("contended", &url());
    let metrics = context(OnError::Fail);
    let mut writers: Vec<_> = (0..2).map(|_| writer(&table, &metrics).unwrap()).collect();
    for round in 0..20 {
        for (i, writer) in writers.iter_mut().enumerate() {
            let mut rows: Vec<_> = (0..500).map(|id| (Insert, id, "x")).collect();
            if (round + i) % 2 == 0 {
                rows.reverse();
            }
            hand_over(writer.as_mut(), batch(&rows)).unwrap();
        }
    }
    for writer in &mut writers {
        writer.end_input().unwrap();
        drain(writer.as_mut()).unwrap();
    }
    assert_eq!(server.rows("SELECT count(*) FROM contended"), ["500"]);
    assert_eq!(metrics.metrics.sum("argus_sink_retries_total", &[]), 0.0);
}

#[test]
fn many_rows_go_in_fast() {
    let server = shared();
    server.run("CREATE TABLE many (id bigint PRIMARY KEY, name text)");
    let batches: Vec<Batch> =
        (0..25).map(|i| inserts(i * 4_000..(i + 1) * 4_000, "a name of some length")).collect();
    let clock = Env::system();
    write_all(&pairs("many", &url()), &context(OnError::Fail), batches).unwrap();
    let elapsed = clock.elapsed();
    println!("100,000 rows in {elapsed:?}");
    assert_eq!(server.rows("SELECT count(*) FROM many"), ["100000"]);
    assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
}

fn wait_until(writer: &mut dyn SinkWriter, is_ready: bool) {
    let clock = Env::system();
    while writer.is_ready() != is_ready {
        writer.poll().expect("no failure");
        assert!(clock.elapsed() < Duration::from_secs(30), "ready is never {is_ready}");
        clock.sleep(Duration::from_millis(5));
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
