//! Aggregation without a window as tables of text, and against a model that keeps every row, while
//! it is sealed and restored with another parallelism at random. A seed is a whole world.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use argus_base::env::splitmix64;
use argus_base::id::{OperatorId, SubtaskIndex};
use argus_base::key_group::{key_group, key_group_range, key_hash, subtask_of};
use argus_base::logical_type::arrow_schema;
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Batch, ErrorKind, Field, TypeRoot};
use argus_plan::graph::GroupAggregate;
use argus_plan::{AggregateCall, AggregateFunction};
use argus_state::key_codec::EncodedKeys;
use argus_state::segment::{SectionId, SegmentReader, SegmentRef, SegmentWriter};
use argus_state::snapshot::{RestoredPart, RestoredState, Run, Section};
use argus_state::spill::{MemoryLimit, StateContext};
use argus_state::spill_folder::SpillFolder;
use argus_state::storage::{MemoryStorage, Storage};
use argus_state::{KeyCodec, SliceKey};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringViewArray,
    UInt32Array,
};
use arrow_schema::DataType;
use tempfile::TempDir;

use super::chain_model::Chain;
use super::drop_update_before::DropUpdateBefore;
use super::group_aggregate::{GroupAggregator, GroupOptions};
use super::{Emission, Operator, Output};
use crate::expression::EvaluationContext;

const GROUPS: u16 = 16;
/// Worlds of each setting; many more were tried when the code was written.
const N_SEEDS: u64 = 4;

#[derive(Clone, Copy, Debug)]
struct Setting {
    /// In milliseconds.
    ttl: Option<i64>,
    sends_before: bool,
    has_keys: bool,
    /// That all subtasks may hold together; what is beyond is spilled.
    max_bytes: Option<u64>,
    is_disk_full: bool,
    /// Whether lives have various times to live.
    changes_ttl: bool,
}

const PLAIN: Setting = Setting {
    ttl: None,
    sends_before: true,
    has_keys: true,
    max_bytes: None,
    is_disk_full: false,
    changes_ttl: false,
};

impl Setting {
    fn memory(&self, folder: &Path) -> Option<MemoryLimit> {
        let limit = MemoryLimit::of_state(self.max_bytes?, SpillFolder::make(folder, 7).unwrap());
        if self.is_disk_full {
            fs::remove_dir(limit.folder.path()).unwrap();
            fs::write(limit.folder.path(), "").unwrap();
        }
        Some(limit)
    }
}

#[derive(Clone, Debug)]
struct Row {
    key: Option<String>,
    value: Option<i64>,
    text: String,
    passes: bool,
}

fn row(key: &str, value: Option<i64>) -> Row {
    Row { key: Some(key.to_owned()), value, text: "t".to_owned(), passes: true }
}

fn input() -> Vec<Field> {
    vec![
        Field::new("k", TypeRoot::STRING.nullable()),
        Field::new("v", TypeRoot::BigInt.nullable()),
        Field::new("t", TypeRoot::STRING.nullable()),
        Field::new("p", TypeRoot::Boolean.nullable()),
    ]
}

/// COUNT(*), SUM(v) FILTER (WHERE p), COUNT(DISTINCT v), MIN(t), LAST_VALUE(v).
fn calls() -> Vec<AggregateCall> {
    let call = |function: AggregateFunction, argument: Option<usize>| AggregateCall {
        function,
        argument,
        is_distinct: false,
        filter: None,
        result: function
            .result_type(argument.map(|i| input()[i].logical_type.clone()).as_ref())
            .unwrap(),
        name: format!("{function:?}"),
        state_name: format!("{function:?}"),
    };
    vec![
        call(AggregateFunction::CountStar, None),
        AggregateCall { filter: Some(3), ..call(AggregateFunction::Sum, Some(1)) },
        AggregateCall { is_distinct: true, ..call(AggregateFunction::Count, Some(1)) },
        call(AggregateFunction::Min, Some(2)),
        call(AggregateFunction::LastValue, Some(1)),
    ]
}

fn context(subtask: usize) -> StateContext {
    StateContext {
        operator: OperatorId(1),
        subtask: SubtaskIndex(subtask),
        max_parallelism: GROUPS,
        is_tracked: true,
        memory: None,
    }
}

fn operator(setting: Setting, subtask: usize, aggregates: Vec<AggregateCall>) -> GroupAggregator {
    operator_in(setting, context(subtask), aggregates)
}

fn operator_in(
    setting: Setting,
    context: StateContext,
    aggregates: Vec<AggregateCall>,
) -> GroupAggregator {
    let keys = if setting.has_keys { vec![0] } else { Vec::new() };
    let key_fields = keys.iter().map(|key: &usize| input()[*key].clone());
    let results = aggregates.iter().map(|call| Field::new(&call.name, call.result.clone()));
    let schema = arrow_schema(&key_fields.chain(results).collect::<Vec<Field>>());
    let ttl = setting.ttl.map(|ttl| Duration::from_millis(ttl.cast_unsigned()));
    let options = GroupOptions {
        input: input().into_iter().map(|field| field.logical_type).collect(),
        schema,
        sends_before: setting.sends_before,
        context,
    };
    GroupAggregator::new(&GroupAggregate { keys, aggregates, ttl }, options).unwrap()
}

fn batch(rows: &[Row]) -> Batch {
    let keys: StringViewArray = rows.iter().map(|row| row.key.as_deref()).collect();
    let values: Int64Array = rows.iter().map(|row| row.value).collect();
    let texts: StringViewArray = rows.iter().map(|row| Some(row.text.as_str())).collect();
    let passes: BooleanArray = rows.iter().map(|row| Some(row.passes)).collect();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(keys), Arc::new(values), Arc::new(texts), Arc::new(passes)];
    Batch::inserts(RecordBatch::try_new(arrow_schema(&input()), columns).unwrap())
}

fn cell(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "-".to_owned();
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        other => panic!("{other}"),
    }
}

fn lines(batches: &[Batch]) -> Vec<String> {
    let line = |batch: &Batch, row: usize| {
        let cells = batch.records.columns().iter().map(|column| cell(column, row));
        format!("{} {}", batch.kind(row).short(), cells.collect::<Vec<String>>().join(" "))
    };
    batches.iter().flat_map(|batch| (0..batch.n_rows()).map(|row| line(batch, row))).collect()
}

fn run(operator: &mut dyn Operator, batch: Batch, now: i64) -> Vec<Batch> {
    let context = EvaluationContext { now: ProcessingTime(now), watermark: Watermark::MIN };
    let mut output = Output::default();
    let mut emission = operator.process(0, batch, &context, &mut output).unwrap();
    while emission == Emission::More {
        emission = operator.resume(&mut output).unwrap();
    }
    output.batches
}

#[track_caller]
fn check_lines(operator: &mut GroupAggregator, now: i64, rows: &[Row], expected: &str) {
    let shown = lines(&run(operator, batch(rows), now));
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(shown, expected);
}

#[test]
fn each_row_brings_its_result_up_to_date() {
    let count_and_sum = calls()[..2].to_vec();
    let mut aggregator = operator(PLAIN, 0, count_and_sum.clone());
    let rows = [row("a", Some(1)), row("b", None), row("a", Some(2)), row("a", None)];
    check_lines(
        &mut aggregator,
        0,
        &rows,
        "+I a 1 1
         +I b 1 -
         -U a 1 1
         +U a 2 3
         -U a 2 3
         +U a 3 3",
    );
    check_lines(&mut aggregator, 0, &rows[1..2], "-U b 1 -\n+U b 2 -");
    let upserts = Setting { sends_before: false, ..PLAIN };
    let mut aggregator = operator(upserts, 0, count_and_sum.clone());
    check_lines(&mut aggregator, 0, &rows[..3], "+I a 1 1\n+I b 1 -\n+U a 2 3");
    let mut global = operator(Setting { has_keys: false, ..PLAIN }, 0, count_and_sum);
    check_lines(&mut global, 0, &rows[..2], "+I 1 1\n-U 1 1\n+U 2 1");
}

#[test]
fn equal_results_are_not_emitted_again_unless_keys_are_forgotten() {
    let least = calls()[3..4].to_vec();
    let rows = [row("a", None), row("a", None), row("b", None), row("a", None)];
    check_lines(&mut operator(PLAIN, 0, least.clone()), 0, &rows, "+I a t\n+I b t");
    check_lines(&mut operator(PLAIN, 0, Vec::new()), 0, &rows, "+I a\n+I b");
    let forgets = Setting { ttl: Some(10), ..PLAIN };
    check_lines(
        &mut operator(forgets, 0, Vec::new()),
        0,
        &rows,
        "+I a\n-U a\n+U a\n+I b\n-U a\n+U a",
    );
}

#[test]
fn nan_differs_from_itself_and_zero_has_no_sign() {
    let double = TypeRoot::Double.nullable();
    let last = AggregateCall { result: double.clone(), ..calls()[4].clone() };
    let field = Field::new("last", double.clone());
    let options = GroupOptions {
        input: vec![TypeRoot::BigInt.nullable(), double],
        schema: arrow_schema(&[field]),
        sends_before: false,
        context: context(0),
    };
    let plan = GroupAggregate { keys: Vec::new(), aggregates: vec![last], ttl: None };
    let mut aggregator = GroupAggregator::new(&plan, options).unwrap();
    let values: ArrayRef =
        Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, f64::NAN, 1.0, 1.0]));
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![0; 6]));
    let records = RecordBatch::try_from_iter([("k", keys), ("v", values)]).unwrap();
    let changes = run(&mut aggregator, Batch::inserts(records), 0).swap_remove(0);
    let emitted = changes.records.column(0).as_primitive::<Float64Type>().values().to_vec();
    assert_eq!(format!("{emitted:?}"), "[0.0, NaN, NaN, 1.0]");
}

#[test]
fn a_key_without_rows_for_the_time_to_live_was_never_there() {
    let forgets = Setting { ttl: Some(500), ..PLAIN };
    let mut aggregator = operator(forgets, 0, calls()[..1].to_vec());
    let a = [row("a", None)];
    check_lines(&mut aggregator, 0, &a, "+I a 1");
    check_lines(&mut aggregator, 499, &a, "-U a 1\n+U a 2");
    check_lines(&mut aggregator, 998, &[row("b", None)], "+I b 1");
    check_lines(&mut aggregator, 999, &[a[0].clone(), a[0].clone()], "+I a 1\n-U a 1\n+U a 2");
    assert_eq!(aggregator.n_keys(), 2);
    aggregator.tick(ProcessingTime(1498), &mut Output::default()).unwrap();
    assert_eq!(aggregator.n_keys(), 1, "b is swept");
    check_lines(&mut aggregator, 1498, &a, "-U a 2\n+U a 3");
}

#[test]
fn many_changes_leave_in_pieces() {
    let mut aggregator = operator(PLAIN, 0, calls());
    let rows: Vec<Row> = (0..5_000).map(|i| row(&format!("{}", i % 7), Some(i))).collect();
    let batches = run(&mut aggregator, batch(&rows), 0);
    let n_rows: Vec<usize> = batches.iter().map(Batch::n_rows).collect();
    assert_eq!(n_rows, [8192, 2 * 5_000 - 7 - 8192]);
}

#[test]
fn update_before_is_dropped() {
    let mut aggregator = operator(PLAIN, 0, calls()[..1].to_vec());
    let rows = [row("a", None), row("b", None), row("a", None)];
    let changes = run(&mut aggregator, batch(&rows), 0).swap_remove(0);
    let kept = run(&mut DropUpdateBefore, changes, 0);
    assert_eq!(lines(&kept), ["+I a 1", "+I b 1", "+U a 2"]);
}

#[test]
fn more_keys_than_can_be_found_again_end_the_job_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting { max_bytes: Some(20_000), ..PLAIN };
    let memory = Arc::new(setting.memory(folder.path()).unwrap());
    let mut aggregator =
        operator_in(setting, StateContext { memory: Some(memory), ..context(0) }, calls());
    let evaluation = EvaluationContext { now: ProcessingTime(0), watermark: Watermark::MIN };
    let mut error = None;
    let mut n_keys = 0;
    while error.is_none() {
        let rows: Vec<Row> = (0..10).map(|n| row(&format!("{}", n_keys + n), Some(1))).collect();
        let mut output = Output::default();
        error = aggregator.process(0, batch(&rows), &evaluation, &mut output).err();
        while aggregator.resume(&mut output).unwrap() == Emission::More {}
        n_keys += 10;
    }
    let error = error.unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR5303"), "{error}");
    assert!(n_keys > 2_000, "{n_keys}");
}

/// Rows of each key since it was new, and when the last came.
type Model = BTreeMap<Option<String>, (Vec<Row>, i64)>;

/// A row's result, all of the key's rows given.
fn result(rows: &[Row]) -> String {
    let show = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
    let sum = rows.iter().filter(|row| row.passes).filter_map(|row| row.value);
    let mut distinct: Vec<i64> = rows.iter().filter_map(|row| row.value).collect();
    let last = distinct.last().copied();
    distinct.sort_unstable();
    distinct.dedup();
    let least = rows.iter().map(|row| &row.text).min().unwrap();
    let sum = sum.reduce(|sum, value| sum + value);
    format!("{} {} {} {least} {}", rows.len(), show(sum), distinct.len(), show(last))
}

/// What a row changes.
fn expect(setting: Setting, model: &mut Model, row: &Row, now: i64) -> Vec<String> {
    let (rows, updated) = model.entry(row.key.clone()).or_default();
    if setting.ttl.is_some_and(|ttl| *updated + ttl <= now) {
        rows.clear();
    }
    let key = row.key.as_deref().unwrap_or("-");
    let before = (!rows.is_empty()).then(|| result(rows));
    rows.push(row.clone());
    *updated = now;
    let after = result(rows);
    let Some(before) = before else { return vec![format!("+I {key} {after}")] };
    if before == after && setting.ttl.is_none() {
        return Vec::new();
    }
    let before = setting.sends_before.then(|| format!("-U {key} {before}"));
    before.into_iter().chain([format!("+U {key} {after}")]).collect()
}

struct World {
    setting: Setting,
    state: u64,
    now: i64,
    /// Keys whose last row came then or before are forgotten.
    forgotten: i64,
    model: Model,
    subtasks: Vec<GroupAggregator>,
    chains: Vec<Chain>,
    committed: Option<Committed>,
    storage: Arc<MemoryStorage>,
    n_segments: usize,
    folder: TempDir,
    /// By name.
    stored_runs: BTreeMap<String, Section>,
    max_level: u8,
}

/// The last checkpoint.
#[derive(Clone)]
struct Committed {
    /// By subtask.
    kept: Vec<Kept>,
    model: Model,
    is_dated: bool,
    forgotten: i64,
}

/// What the last checkpoint has of a subtask.
#[derive(Clone)]
struct Kept {
    scalars: Vec<(String, i64)>,
    chain: Vec<Section>,
    runs: Vec<Section>,
}

/// In a model: when the last row of a key came of which nobody knows it.
const UNKNOWN: i64 = i64::MAX;

impl Committed {
    /// The keys that a restore finds.
    fn restored(&self) -> Model {
        let mut model = self.model.clone();
        match self.is_dated {
            true => model.retain(|_, (_, updated)| *updated > self.forgotten),
            false => model.values_mut().for_each(|(_, updated)| *updated = UNKNOWN),
        }
        model
    }
}

impl World {
    fn new(setting: Setting, seed: u64) -> World {
        let mut world = World {
            setting,
            state: seed,
            now: 0,
            forgotten: i64::MIN,
            model: Model::new(),
            subtasks: Vec::new(),
            chains: Vec::new(),
            committed: None,
            storage: Arc::new(MemoryStorage::default()),
            n_segments: 0,
            folder: tempfile::tempdir().unwrap(),
            stored_runs: BTreeMap::new(),
            max_level: 0,
        };
        world.start(2);
        world
    }

    fn random(&mut self, range: Range<i64>) -> i64 {
        self.state = self.state.wrapping_add(1);
        let width = (range.end - range.start).cast_unsigned();
        range.start + (splitmix64(self.state) % width).cast_signed()
    }

    fn start(&mut self, parallelism: usize) {
        // Of the life before: its folder goes with it.
        self.subtasks.clear();
        let memory = self.setting.memory(self.folder.path()).map(Arc::new);
        let context = |subtask| StateContext { memory: memory.clone(), ..context(subtask) };
        let subtasks = (0..parallelism).map(|i| operator_in(self.setting, context(i), calls()));
        self.subtasks = subtasks.collect();
        self.chains = vec![Chain::default(); parallelism];
    }

    fn rows(&mut self) {
        self.pass();
        let n_rows = self.random(1..30);
        let rows: Vec<Row> = (0..n_rows).map(|_| self.row()).collect();
        let mut expected: Vec<String> = Vec::new();
        for row in &rows {
            expected.extend(expect(self.setting, &mut self.model, row, self.now));
        }
        let codec = KeyCodec::new(vec![DataType::Utf8View]);
        let batch = batch(&rows);
        let mut keys = EncodedKeys::default();
        codec.encode(&batch.records.columns()[..1], batch.n_rows(), &mut keys);
        let n_subtasks = self.subtasks.len();
        let mut emitted: Vec<String> = Vec::new();
        for (index, subtask) in self.subtasks.iter_mut().enumerate() {
            let is_own = |row: &u32| {
                let group = key_group(key_hash(keys.key(*row as usize)), GROUPS);
                subtask_of(group, n_subtasks, GROUPS) == index
            };
            let own = (0..u32::try_from(batch.n_rows()).unwrap()).filter(is_own);
            let own = UInt32Array::from_iter_values(own);
            let own = arrow_select::take::take_record_batch(&batch.records, &own).unwrap();
            emitted.extend(lines(&run(subtask, Batch::inserts(own), self.now)));
            self.max_level = self.max_level.max(subtask.spilled.max_level());
        }
        // Rows of one key are in order.
        let key = |line: &String| line.split(' ').nth(1).map(str::to_owned);
        expected.sort_by_key(key);
        emitted.sort_by_key(key);
        assert_eq!(emitted, expected, "at {}", self.now);
    }

    fn row(&mut self) -> Row {
        let n_keys = if self.setting.max_bytes.is_some() { 200 } else { 40 };
        let (key, value) = (self.random(0..n_keys), self.random(-5..20));
        Row {
            key: (key > 0).then(|| format!("key{}", key * key / 30)),
            value: (value > 0).then_some(value),
            text: format!("a-text-of-some-length-{}", self.random(100..999)),
            passes: self.random(0..3) > 0,
        }
    }

    fn tick(&mut self) {
        self.now += self.random(0..120);
        self.pass();
        let now = ProcessingTime(self.now);
        for subtask in &mut self.subtasks {
            subtask.tick(now, &mut Output::default()).unwrap();
        }
    }

    /// Keys of which nobody knows it got their last row when it is first asked for.
    fn pass(&mut self) {
        if let Some(ttl) = self.setting.ttl {
            self.forgotten = self.forgotten.max(self.now - ttl);
            let unknown = self.model.values_mut().filter(|(_, updated)| *updated == UNKNOWN);
            unknown.for_each(|(_, updated)| *updated = self.now);
        }
    }

    fn seal(&mut self) {
        let mut sealed_parts = Vec::new();
        for index in 0..self.subtasks.len() {
            let sealed = self.subtasks[index].seal().unwrap().unwrap();
            assert_eq!(sealed.live.as_slice(), [SliceKey::KEYED]);
            let has_rows = sealed.rows.iter().any(|rows| rows.num_rows() > 0);
            let section = has_rows.then(|| self.store(index, &sealed.rows));
            self.chains[index].seal(sealed.n_turns, section);
            let runs: Vec<Section> =
                sealed.runs.iter().map(|run| self.store_run(index, run)).collect();
            sealed_parts.push((sealed.scalars, runs));
        }
        let parts = self.chains.iter().map(Chain::sections).zip(sealed_parts);
        let kept = parts.map(|(chain, (scalars, runs))| Kept { scalars, chain, runs }).collect();
        let (model, is_dated) = (self.model.clone(), self.setting.ttl.is_some());
        let forgotten = self.forgotten;
        self.committed = Some(Committed { kept, model, is_dated, forgotten });
    }

    fn store_run(&mut self, subtask: usize, run: &Run) -> Section {
        let Run::Spilled(run) = run else { panic!("a run of a former life was read") };
        if let Some(section) = self.stored_runs.get(&run.segment.path) {
            return section.clone();
        }
        let encoded = run.encode().unwrap();
        let stored = self.store_bytes(subtask, &encoded.bytes, encoded.checksum);
        self.stored_runs.insert(run.segment.path.clone(), stored.clone());
        stored
    }

    fn store(&mut self, subtask: usize, rows: &[RecordBatch]) -> Section {
        let section = SectionId { operator: OperatorId(1), subtask: SubtaskIndex(subtask) };
        let mut writer = SegmentWriter::new(GROUPS);
        rows.iter().for_each(|rows| writer.add_state(section, rows).unwrap());
        let encoded = writer.finish().unwrap();
        self.store_bytes(subtask, &encoded.bytes, encoded.checksum)
    }

    fn store_bytes(&mut self, subtask: usize, bytes: &[u8], checksum: u64) -> Section {
        let section = SectionId { operator: OperatorId(1), subtask: SubtaskIndex(subtask) };
        let path = format!("segment/{:06}", self.n_segments);
        self.n_segments += 1;
        self.storage.put(&path, bytes).unwrap();
        let reference = SegmentRef { path, n_bytes: bytes.len() as u64, checksum };
        let storage: Arc<dyn Storage> = self.storage.clone();
        Section { segment: Arc::new(SegmentReader::open(storage, &reference).unwrap()), section }
    }

    fn restore(&mut self, parallelism: usize) {
        let Some(committed) = self.committed.clone() else { return };
        self.model = committed.restored();
        self.forgotten = committed.forgotten;
        if self.setting.changes_ttl {
            self.setting.ttl = Some(if self.random(0..2) > 0 { 1_000 } else { 3_000 });
        }
        let kept = committed.kept;
        self.start(parallelism);
        for index in 0..parallelism {
            let own = key_group_range(index, parallelism, GROUPS);
            let mut parts = Vec::new();
            for (former, Kept { scalars, chain, runs }) in kept.iter().enumerate() {
                let theirs = key_group_range(former, kept.len(), GROUPS);
                let groups = own.start.max(theirs.start)..own.end.min(theirs.end);
                if groups.is_empty() {
                    continue;
                }
                self.chains[index].restored.extend(chain.iter().cloned());
                parts.push(RestoredPart {
                    groups,
                    scalars: scalars.clone(),
                    live: vec![SliceKey::KEYED],
                    runs: runs.clone(),
                    chain: chain.clone(),
                });
            }
            // Of former lives with other parallelisms several chains may have one section.
            let restored = &mut self.chains[index].restored;
            let age = |section: &Section| (section.segment.segment().path.clone(), section.section);
            restored.sort_by_key(age);
            restored.dedup_by_key(|section| age(section));
            self.subtasks[index].restore(RestoredState { allows_loss: false, parts }).unwrap();
        }
    }

    fn live(&mut self, n_steps: usize) {
        for _ in 0..n_steps {
            match self.random(0..100) {
                0..50 => self.rows(),
                50..70 => self.tick(),
                70..95 => self.seal(),
                _ => {
                    let parallelism = usize::try_from(self.random(1..4)).unwrap();
                    self.restore(parallelism);
                }
            }
        }
    }

    fn n_keys(&self) -> usize {
        self.subtasks.iter().map(|subtask| subtask.n_keys()).sum()
    }
}

#[test]
fn state_survives() {
    for sends_before in [false, true] {
        for seed in 0..N_SEEDS {
            println!("seed {seed}");
            let mut world = World::new(Setting { sends_before, ..PLAIN }, splitmix64(seed));
            world.live(300);
            assert_eq!(world.n_keys(), world.model.len());
        }
    }
}

#[test]
fn keys_beyond_the_memory_are_spilled_and_found_again() {
    for (ttl, is_disk_full) in [(None, false), (Some(2_000), false), (None, true)] {
        let (mut n_runs, mut max_level) = (0, 0);
        for seed in 0..N_SEEDS {
            let max_bytes = Some(25_000);
            let setting = Setting { ttl, max_bytes, is_disk_full, ..PLAIN };
            println!("seed {seed} of {setting:?}");
            let mut world = World::new(setting, splitmix64(seed));
            world.live(if is_disk_full { 100 } else { 400 });
            n_runs += world.stored_runs.len();
            max_level = max_level.max(world.max_level);
        }
        assert_eq!((n_runs > 10, max_level > 0), (!is_disk_full, !is_disk_full), "{n_runs}");
    }
}

#[test]
fn keys_that_change_again_and_again_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting { max_bytes: Some(100_000), ..PLAIN };
    let memory = setting.memory(folder.path()).map(Arc::new);
    let mut aggregator = operator_in(setting, StateContext { memory, ..context(0) }, calls());
    let (mut random, mut n_spills, mut n_most) = (7, 0, 0);
    while n_spills < 60 {
        let row = |random: &mut u64| {
            *random = splitmix64(*random);
            row(&format!("{}", *random % 1_500), Some(1))
        };
        let rows: Vec<Row> = (0..100).map(|_| row(&mut random)).collect();
        let n_before = aggregator.n_keys();
        run(&mut aggregator, batch(&rows), 0);
        n_spills += usize::from(aggregator.n_keys() < n_before);
        n_most = n_most.max(aggregator.spilled.n_bytes());
    }
    assert!(n_most < 25_000, "{n_most} bytes to find keys");
}

#[test]
fn who_was_forgotten_stays_so_when_the_time_to_live_changes() {
    for max_bytes in [None, Some(25_000)] {
        for seed in 0..N_SEEDS {
            println!("seed {seed}, {max_bytes:?}");
            let setting = Setting { changes_ttl: true, max_bytes, ..PLAIN };
            World::new(setting, splitmix64(seed)).live(400);
        }
    }
}

#[test]
fn state_survives_while_keys_are_forgotten() {
    for seed in 0..N_SEEDS {
        println!("seed {seed}");
        let setting = Setting { ttl: Some(300), ..PLAIN };
        let mut world = World::new(setting, splitmix64(seed));
        world.live(300);
        for _ in 0..20 {
            world.tick();
        }
        assert_eq!(world.n_keys(), 0, "all are swept");
        world.seal();
        world.restore(3);
        assert_eq!(world.n_keys(), 0, "and stay so");
    }
}
