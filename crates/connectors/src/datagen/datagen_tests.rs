//! Tests of datagen: values by seed, paces by a clock that is told the time.

use std::time::Duration;

use argus_base::TypeRoot;
use argus_base::connector::Projection;
use argus_base::id::SubtaskIndex;
use argus_base::source::{SourcePoll, SourceReader, SplitPosition};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;

use super::*;
use crate::testing::{TestClock, context, table};

const SEEDED: [(&str, &str); 3] = [
    ("argus.datagen.seed", "1"),
    ("argus.datagen.start", "2025-01-01T00:00:00Z"),
    ("argus.datagen.speed", "0"),
];

fn scan(table: &TableDescriptor) -> ScanSpec {
    ScanSpec { physical: Projection::all(table.physical.len()), metadata: Vec::new() }
}

fn open(table: &TableDescriptor, settings: &[(&str, &str)]) -> (Arc<TestClock>, Arc<dyn Source>) {
    let clock = Arc::new(TestClock::default());
    let source = source(table, &scan(table), &context(&clock, settings)).unwrap();
    (clock, source)
}

/// Everything that is due now.
fn drain(reader: &mut dyn SourceReader, max_rows: usize) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    loop {
        match reader.poll(max_rows, &[]).unwrap() {
            SourcePoll::Batch(batch) => batches.push(batch.records),
            SourcePoll::SplitAdded { .. } | SourcePoll::SplitFinished(_) => {}
            SourcePoll::Empty | SourcePoll::End => return batches,
        }
    }
}

fn all_types() -> TableDescriptor {
    let int = || TypeRoot::Int.nullable();
    let text = || TypeRoot::VarChar(2).nullable();
    let row = TypeRoot::Row(vec![Field::new("x", int()), Field::new("y", text())]);
    let types = [
        TypeRoot::Boolean,
        TypeRoot::TinyInt,
        TypeRoot::SmallInt,
        TypeRoot::Int,
        TypeRoot::BigInt,
        TypeRoot::Float,
        TypeRoot::Double,
        TypeRoot::Decimal { precision: 38, scale: 10 },
        TypeRoot::Char(4),
        TypeRoot::STRING,
        TypeRoot::Binary(3),
        TypeRoot::BYTES,
        TypeRoot::Date,
        TypeRoot::Time(0),
        TypeRoot::timestamp(3),
        TypeRoot::timestamp(6),
        TypeRoot::timestamp_ltz(9),
        TypeRoot::IntervalYearMonth,
        TypeRoot::IntervalDayTime,
        TypeRoot::Array(Box::new(row.clone().nullable())),
        TypeRoot::Map(Box::new(text()), Box::new(int())),
        TypeRoot::Multiset(Box::new(text())),
        row,
    ];
    let names: Vec<String> = (0..types.len()).map(|i| format!("c{i}")).collect();
    let fields: Vec<(&str, TypeRoot)> = names.iter().map(String::as_str).zip(types).collect();
    let options = [
        ("connector", "datagen"),
        ("number-of-rows", "100"),
        ("fields.c3.null-rate", "0.5"),
        ("fields.c19.null-rate", "0.5"),
        ("fields.c20.null-rate", "0.5"),
        ("fields.c20.key.length", "1"),
        ("fields.c9.var-len", "true"),
        ("fields.c22.x.min", "5"),
        ("fields.c22.x.max", "6"),
    ];
    table(&fields, &options)
}

#[test]
fn makes_every_type() {
    let table = all_types();
    check(&table).unwrap();
    let (_, source) = open(&table, &SEEDED);
    let batches = drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 4096);
    let rows = &batches[0];
    assert_eq!(rows.num_rows(), 100);
    let nulls = rows.column(3).null_count();
    assert!((30..70).contains(&nulls), "{nulls}");
    let x = rows.column(22).as_struct().column(0).as_primitive::<Int32Type>().clone();
    assert!(x.values().iter().all(|x| (5..=6).contains(x)));
    let lengths: Vec<usize> =
        rows.column(9).as_string_view().iter().map(|text| text.unwrap().len()).collect();
    assert!(lengths.iter().all(|length| (1..=100).contains(length)));
    assert!(lengths.iter().any(|length| *length < 20));
}

#[test]
fn a_row_does_not_depend_on_batches_or_parallelism() {
    let table = all_types();
    let (_, source) = open(&table, &SEEDED);
    let whole = drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 4096);
    let pieces = drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 7);
    assert_eq!(concat_batches(&whole[0].schema(), &pieces).unwrap(), whole[0]);
    let odd = drain(source.reader(SubtaskIndex(1), 2, &[]).unwrap().as_mut(), 4096);
    assert_eq!(odd[0].num_rows(), 50);
    assert_eq!(odd[0].slice(3, 1), whole[0].slice(7, 1));
}

#[test]
fn the_seed_is_pinned() {
    let fields = [("id", TypeRoot::STRING), ("n", TypeRoot::Int)];
    let options = [
        ("connector", "datagen"),
        ("number-of-rows", "2"),
        ("fields.id.length", "20"),
        ("fields.n.min", "1"),
        ("fields.n.max", "100"),
    ];
    let (_, source) = open(&table(&fields, &options), &SEEDED);
    let batches = drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 4096);
    let ids: Vec<&str> = batches[0].column(0).as_string_view().iter().flatten().collect();
    let numbers = batches[0].column(1).as_primitive::<Int32Type>();
    assert_eq!(ids, ["bceebfb0f7871cc491dc", "7661cdd6b6f70c9624b9"]);
    assert_eq!(numbers.values(), &[92, 80]);
}

#[test]
fn fresh_columns_differ_between_runs_and_the_rest_does_not() {
    let fields = [("id", TypeRoot::STRING), ("n", TypeRoot::Int)];
    let table = table(&fields, &[("connector", "datagen"), ("number-of-rows", "1")]);
    let settings = [("argus.datagen.seed", "1"), ("argus.datagen.fresh-columns", "id")];
    let row = |elapsed| {
        let clock = Arc::new(TestClock::default());
        clock.set(Duration::from_millis(elapsed));
        let source = source(&table, &scan(&table), &context(&clock, &settings)).unwrap();
        drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 9).remove(0)
    };
    let (first, second) = (row(0), row(1));
    assert_ne!(first.column(0), second.column(0));
    assert_eq!(first.column(1), second.column(1));
}

#[test]
fn times_follow_the_row_number_when_there_is_a_start() {
    let fields = [("ts", TypeRoot::timestamp_ltz(3))];
    let options = [("connector", "datagen")];
    let mut settings = SEEDED.to_vec();
    settings.push(("argus.datagen.rows-per-minute", "120"));
    settings.push(("argus.datagen.number-of-rows", "3"));
    let (_, source) = open(&table(&fields, &options), &settings);
    assert!(source.is_bounded());
    let batches = drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 9);
    let times = batches[0].column(0).as_primitive::<TimestampMillisecondType>();
    let start = 1_735_689_600_000;
    assert_eq!(times.values(), &[start, start + 500, start + 1_000]);
}

#[test]
fn the_rate_holds_over_any_thirty_seconds() {
    let fields = [("n", TypeRoot::Int)];
    let settings = [("argus.datagen.rows-per-minute", "30000")];
    let (clock, source) = open(&table(&fields, &[("connector", "datagen")]), &settings);
    let mut readers: Vec<_> =
        (0..2).map(|i| source.reader(SubtaskIndex(i), 2, &[]).unwrap()).collect();
    let mut n_rows = Vec::new();
    for tick in 0..60_000u64 {
        clock.set(Duration::from_millis(tick));
        let batches = readers.iter_mut().flat_map(|reader| drain(reader.as_mut(), 4096));
        n_rows.push(batches.map(|batch| batch.num_rows()).sum::<usize>());
    }
    for start in (0..30_000).step_by(777) {
        let rows: usize = n_rows[start..start + 30_000].iter().sum();
        assert!((14_990..=15_010).contains(&rows), "{rows} rows from {start} ms");
    }
    assert!(n_rows.iter().all(|n| *n <= 4), "rows come in bursts");
}

#[test]
fn sequences_end_the_table() {
    let fields = [("n", TypeRoot::SmallInt), ("s", TypeRoot::STRING)];
    let options = [
        ("connector", "datagen"),
        ("fields.n.kind", "sequence"),
        ("fields.n.start", "5"),
        ("fields.n.end", "7"),
        ("fields.s.kind", "sequence"),
        ("fields.s.start", "-1"),
        ("fields.s.end", "8"),
    ];
    let (_, source) = open(&table(&fields, &options), &SEEDED);
    assert!(source.is_bounded());
    let batches = drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 9);
    let texts: Vec<&str> = batches[0].column(1).as_string_view().iter().flatten().collect();
    assert_eq!(texts, ["-1", "0", "1"]);
}

#[test]
fn positions_restore_with_another_parallelism() {
    let table = all_types();
    let (_, source) = open(&table, &SEEDED);
    let whole = drain(source.reader(SubtaskIndex(0), 1, &[]).unwrap().as_mut(), 4096);
    let mut reader = source.reader(SubtaskIndex(0), 2, &[]).unwrap();
    assert!(matches!(reader.poll(3, &[]).unwrap(), SourcePoll::SplitAdded { .. }));
    assert!(matches!(reader.poll(3, &[]).unwrap(), SourcePoll::Batch(_)));
    let mut positions = reader.positions();
    positions.push(SplitPosition { split: "1/2".to_owned(), position: "99/1/0".to_owned() });
    let mut restored = source.reader(SubtaskIndex(0), 1, &positions).unwrap();
    let rest = drain(restored.as_mut(), 4096);
    assert_eq!(rest.iter().map(RecordBatch::num_rows).sum::<usize>(), 48);
    assert_eq!(rest[0].slice(0, 1), whole[0].slice(6, 1));
}

#[test]
fn refuses_what_a_column_cannot_be() {
    let refused = |options: &[(&str, &str)]| {
        let mut written = vec![("connector", "datagen")];
        written.extend(options);
        let fields = [("n", TypeRoot::TinyInt), ("s", TypeRoot::VarChar(5))];
        check(&table(&fields, &written)).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&[("fields.n.max", "128")]),
        "option 'fields.n.max' = '128': expected a whole number from -128 to 127"
    );
    assert_eq!(
        refused(&[("fields.s.length", "6")]),
        "option 'fields.s.length' = '6': the type holds 5 at most"
    );
    assert!(refused(&[("fields.s.min", "6")]).starts_with("unknown option 'fields.s.min'"));
    assert!(refused(&[("fields.n.kind", "sequence")]).contains("'fields.n.start'"));
}

#[test]
fn what_is_made_anew_is_known_before() {
    let fields = [
        ("n", TypeRoot::BigInt),
        ("k", TypeRoot::Int),
        ("ts", TypeRoot::timestamp(3)),
        ("days", TypeRoot::Array(Box::new(TypeRoot::Date.nullable()))),
    ];
    let options = [
        ("connector", "datagen"),
        ("fields.n.kind", "sequence"),
        ("fields.n.start", "1"),
        ("fields.n.end", "9"),
    ];
    let table = table(&fields, &options);
    let same = |settings: &[(&str, &str)]| -> Vec<&str> {
        let (settings, fields) = (map(settings), table.physical.iter().enumerate());
        let is_same = |column: &usize| is_same_on_replay(&table, *column, &settings);
        let same = fields.filter(|(column, _)| is_same(column));
        same.map(|(_, field)| field.name.as_str()).collect()
    };
    let (seed, start) = (("argus.datagen.seed", "1"), ("argus.datagen.start", "2025-01-01"));
    let fresh = ("argus.datagen.fresh-columns", "k");
    assert_eq!(same(&[]), ["n"]);
    assert_eq!(same(&[seed]), ["n", "k"]);
    assert_eq!(same(&[seed, fresh]), ["n"]);
    assert_eq!(same(&[seed, fresh, start]), ["n", "k", "ts", "days"]);
    assert_eq!(same(&[start]), ["n"]);
}

fn map(written: &[(&str, &str)]) -> BTreeMap<String, String> {
    written.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
