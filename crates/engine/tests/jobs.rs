//! Whole jobs on real slots, without servers.

mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use argus_base::connector::{Projection, ScanSpec};
use argus_base::{Field, TypeRoot};
use argus_engine::{JobEnd, JobHandle, JobParts, StartOptions, StopKind, start};
use argus_plan::graph::{
    Partitioning, SourceOperator, WatermarkSpec, WindowAggregate, WindowProperty, WindowSource,
};
use argus_plan::window::{Window, WindowKind, WindowTime};
use argus_plan::{AggregateCall, AggregateFunction, NodeId, Operator};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampMillisecondArray};

use world::{Graph, Script, World, column, context, key_and_time, table};

fn minute_window() -> Window {
    let time = WindowTime::Event { column: 1 };
    Window { kind: WindowKind::tumble(60_000).unwrap(), offset: 0, time }
}

fn source(graph: &mut Graph, name: &str, parallelism: usize) -> NodeId {
    let fields = key_and_time();
    let watermark = WatermarkSpec {
        rowtime: 1,
        expression: column(1, &fields[1].logical_type),
        idle_timeout: None,
        emit_interval: std::time::Duration::ZERO,
        closing: vec![minute_window()],
    };
    let operator = SourceOperator {
        table: table(name, fields.clone()),
        scan: ScanSpec { physical: Projection::all(2), metadata: Vec::new() },
        projection: (0..2).map(|i| column(i, &fields[i].logical_type)).collect(),
        watermark: Some(watermark),
    };
    graph.add(Operator::Source(Box::new(operator)), Vec::new(), fields, parallelism)
}

fn count_by_key() -> WindowAggregate {
    let n = AggregateCall {
        function: AggregateFunction::CountStar,
        argument: None,
        is_distinct: false,
        filter: None,
        result: TypeRoot::BigInt.not_null(),
        name: "n".to_owned(),
        state_name: "n".to_owned(),
    };
    WindowAggregate {
        keys: vec![0],
        window: WindowSource::Assign(minute_window()),
        aggregates: vec![n],
        properties: vec![WindowProperty::Start],
    }
}

fn counted() -> Vec<Field> {
    let bigint = TypeRoot::BigInt.not_null();
    let start = TypeRoot::timestamp(3).not_null();
    vec![Field::new("k", bigint.clone()), Field::new("n", bigint), Field::new("w", start)]
}

/// source → [local] → exchange by key → window → collect.
fn count_graph(parallelism: usize, is_two_phase: bool, settings: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::new(settings);
    let from = source(&mut graph, "t", parallelism);
    let by_key = Partitioning::Hash(vec![0]);
    let window = if is_two_phase {
        let partial =
            vec![key_and_time()[0].clone(), Field::new("end", TypeRoot::BigInt.not_null())];
        let local = Operator::LocalWindowAggregate(count_by_key());
        let local = graph.add(local, vec![(from, Partitioning::Forward)], partial, parallelism);
        let global = Operator::GlobalWindowAggregate(count_by_key());
        graph.add(global, vec![(local, by_key)], counted(), parallelism)
    } else {
        let single = Operator::WindowAggregate(count_by_key());
        graph.add(single, vec![(from, by_key)], counted(), parallelism)
    };
    graph.add(Operator::Collect, vec![(window, Partitioning::Single)], Vec::new(), 1);
    graph
}

fn batch(rows: impl Iterator<Item = (i64, i64)>) -> RecordBatch {
    let (keys, times): (Vec<i64>, Vec<i64>) = rows.unzip();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(keys)), Arc::new(TimestampMillisecondArray::from(times))];
    let schema = argus_base::logical_type::arrow_schema(&key_and_time());
    RecordBatch::try_new(schema, columns).unwrap()
}

fn world(splits: Vec<Script>) -> World {
    World { sources: [("t".to_owned(), splits)].into(), ..World::default() }
}

fn run(graph: &Graph, world: &World) -> JobHandle {
    let factory = Arc::new(world.clone());
    let collect = Some(Arc::new(world.clone()) as Arc<dyn argus_base::sink::Sink>);
    start(
        &graph.0,
        JobParts {
            factory,
            context: context(),
            collect,
            start: StartOptions::default(),
            storage: None,
        },
    )
    .unwrap()
}

/// Sum of the counts, and number of rows.
fn totals(world: &World) -> (i64, usize) {
    let written = world.written.lock().unwrap();
    let counts = written.iter().map(|batch| batch.records.column(1).as_primitive::<Int64Type>());
    (counts.flat_map(|n| n.values().to_vec()).sum(), written.iter().map(|b| b.n_rows()).sum())
}

/// Rows of `n_keys` keys in one minute, in batches of 8,192, twice.
fn many_keys(first: i64, n_keys: i64) -> Script {
    let starts = (0..n_keys).step_by(8_192);
    let chunk =
        |start: i64| batch((start..n_keys.min(start + 8_192)).map(move |key| (first + key, 1)));
    starts.clone().map(chunk).chain(starts.map(chunk)).collect()
}

#[test]
fn every_parallelism_counts_the_same() {
    for (parallelism, is_two_phase) in [(1, false), (2, false), (2, true), (4, true)] {
        let world = world((0..3).map(|_| many_keys(0, 20_000)).collect());
        let graph = count_graph(parallelism, is_two_phase, &[]);
        assert_eq!(run(&graph, &world).wait().unwrap(), JobEnd::Finished);
        assert_eq!(totals(&world), (120_000, 20_000), "{parallelism} {is_two_phase}");
    }
}

#[test]
fn spilled_state_lies_where_the_settings_say_and_goes_with_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("spilled/here");
    let place_text = place.to_str().unwrap();
    let limit = ("argus.state.memory-limit", "1 mb");
    let graph = |place| count_graph(1, false, &[limit, ("argus.state.spill-dir", place)]);
    let world = world((0..3).map(|_| many_keys(0, 50_000)).collect());
    world.is_blocked.store(true, Ordering::Release);
    let job = run(&graph(place_text), &world);
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    while entries(&place).first().is_none_or(|own| entries(own).is_empty()) {
        assert!(!job.is_finished());
        std::thread::yield_now();
    }
    world.is_blocked.store(false, Ordering::Release);
    assert_eq!(job.wait().unwrap(), JobEnd::Finished);
    assert_eq!(totals(&world), (300_000, 50_000));
    assert_eq!(entries(&place), [""; 0].map(PathBuf::from));

    std::fs::write(folder.path().join("file"), "").unwrap();
    let in_file = folder.path().join("file/below");
    let error = run(&graph(in_file.to_str().unwrap()), &world).wait().unwrap_err();
    assert_eq!(error.code(), "AR5302", "{error}");
}

/// Every slot fires a million groups into the other at the same moment. With queues that block
/// their thread both would wait for the other for ever.
#[test]
fn slots_that_fire_into_each_other_do_not_deadlock() {
    let mut graph = Graph::new(&[]);
    let from = source(&mut graph, "t", 2);
    let by_key = || Partitioning::Hash(vec![0]);
    let first = Operator::WindowAggregate(count_by_key());
    let first = graph.add(first, vec![(from, by_key())], counted(), 2);
    // The counts of the first window are spread anew over both slots and counted once more.
    let mut again = count_by_key();
    again.keys = vec![0];
    again.window =
        WindowSource::Assign(Window { time: WindowTime::Event { column: 2 }, ..minute_window() });
    let second = Operator::WindowAggregate(again);
    let second = graph.add(second, vec![(first, Partitioning::Hash(vec![1, 0]))], counted(), 2);
    graph.add(Operator::Collect, vec![(second, Partitioning::Single)], Vec::new(), 1);
    let n_keys = 1_000_000;
    let world = world(vec![many_keys(0, n_keys), many_keys(0, n_keys)]);
    assert_eq!(run(&graph, &world).wait().unwrap(), JobEnd::Finished);
    assert_eq!(totals(&world), (n_keys, usize::try_from(n_keys).unwrap()));
}

#[test]
fn a_blocked_sink_holds_the_job_up_and_lets_it_go_on() {
    let world = world(vec![many_keys(0, 400_000)]);
    world.is_blocked.store(true, Ordering::Relaxed);
    let job = run(&count_graph(2, false, &[]), &world);
    let before = job.n_rounds();
    while job.n_rounds() < before + 200 {
        std::thread::yield_now();
    }
    assert_eq!(totals(&world), (0, 0));
    assert!(!job.is_finished());
    world.is_blocked.store(false, Ordering::Relaxed);
    assert_eq!(job.wait().unwrap(), JobEnd::Finished);
    assert_eq!(totals(&world), (800_000, 400_000));
}

#[test]
fn a_slot_that_panics_ends_the_job() {
    let rows = || batch((0..1_000).map(|key| (key, 0)).chain([(0, 61_000)]));
    let mut world = world(vec![vec![rows()], vec![rows()]]);
    world.is_endless = true;
    world.panics = true;
    let job = run(&count_graph(2, false, &[]), &world);
    while !job.is_finished() {
        std::thread::yield_now();
    }
    let error = job.wait().unwrap_err();
    assert!(error.to_string().contains("this writer was told to"), "{error}");
}

#[test]
fn a_stopped_job_writes_no_window_that_the_watermark_has_not_passed() {
    let rows = [(1, 0), (1, 59_000), (1, 60_000), (1, 61_000)];
    let mut world = world(vec![vec![batch(rows.into_iter())]]);
    world.is_endless = true;
    let job = run(&count_graph(1, false, &[]), &world);
    while totals(&world).1 == 0 {
        std::thread::yield_now();
    }
    job.stop(StopKind::Keep);
    assert_eq!(job.wait().unwrap(), JobEnd::Stopped);
    assert_eq!(totals(&world), (2, 1), "the first minute only");
}

#[test]
fn lateness_is_judged_row_by_row_within_a_batch() {
    // The third row's watermark closes the first minute: the fourth is late although it came in
    // the same batch.
    let rows = [(1, 0), (1, 1_000), (1, 59_999), (1, 5_000), (1, 60_000)];
    let world = world(vec![vec![batch(rows.into_iter())]]);
    assert_eq!(run(&count_graph(1, false, &[]), &world).wait().unwrap(), JobEnd::Finished);
    assert_eq!(totals(&world), (4, 2));
}

#[test]
fn a_silent_split_holds_windows_back_until_it_is_idle() {
    let rows = [(1, 0), (1, 60_000)];
    let mut world = world(vec![vec![batch(rows.into_iter())], Vec::new()]);
    world.is_endless = true;
    let job = run(&count_graph(1, false, &[]), &world);
    while job.n_rounds() < 100 {
        std::thread::yield_now();
    }
    assert_eq!(totals(&world), (0, 0));
    job.stop(StopKind::Keep);
    job.wait().unwrap();
    let settings = [("argus.watermark.idle-when-caught-up", "true")];
    let job = run(&count_graph(1, false, &settings), &world);
    while totals(&world).1 == 0 {
        std::thread::yield_now();
    }
    assert_eq!(totals(&world), (1, 1));
    job.stop(StopKind::Keep);
    assert_eq!(job.wait().unwrap(), JobEnd::Stopped);
}

/// The second row of split 0 moves no watermark: it lies in the local step when the split becomes
/// idle, and the other split closes its window.
#[test]
fn what_the_local_step_holds_leaves_before_it_is_idle() {
    let quiet = vec![batch([(1, 5_000)].into_iter()), batch([(1, 4_000)].into_iter())];
    let mut world = world(vec![quiet, vec![batch([(1, 61_000)].into_iter())]]);
    world.is_endless = true;
    let settings = [("argus.watermark.idle-when-caught-up", "true")];
    let job = run(&count_graph(2, true, &settings), &world);
    while totals(&world).1 == 0 {
        std::thread::yield_now();
    }
    assert_eq!(totals(&world), (2, 1));
    job.stop(StopKind::Keep);
    assert_eq!(job.wait().unwrap(), JobEnd::Stopped);
}
