//! Window aggregations that are sealed, restored with another parallelism, and spilled at random,
//! against a model that keeps every row. A seed is a whole world.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::sync::Arc;

use argus_base::env::splitmix64;
use argus_base::id::{OperatorId, SubtaskIndex};
use argus_base::key_group::{key_group, key_group_range, key_hash, subtask_of};
use argus_base::logical_type::arrow_schema;
use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{Batch, ErrorKind, Field, LogicalType, Result, TypeRoot};
use argus_plan::graph::{WindowAggregate, WindowProperty, WindowSource};
use argus_plan::window::{Window, WindowKind, WindowTime};
use argus_plan::{AggregateCall, AggregateFunction};
use argus_state::key_codec::EncodedKeys;
use argus_state::segment::{SectionId, SegmentReader, SegmentRef, SegmentWriter};
use argus_state::snapshot::{RestoredPart, RestoredState, Run, Sealed, Section};
use argus_state::spill::{MemoryLimit, SliceRun, StateContext};
use argus_state::spill_folder::SpillFolder;
use argus_state::storage::{MemoryStorage, Storage};
use argus_state::{KeyCodec, SliceKey};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMillisecondArray,
    UInt32Array,
};
use arrow_schema::DataType;

use super::chain_model::Chain;
use super::local_window_aggregate::LocalWindowAggregator;
use super::window_aggregate::WindowAggregator;
use super::{Emission, Operator, Output};
use crate::expression::EvaluationContext;

const GROUPS: u16 = 16;
/// Worlds of each setting; many more were tried when the code was written.
const N_SEEDS: u64 = 3;
const CONTEXT: EvaluationContext =
    EvaluationContext { now: ProcessingTime(0), watermark: Watermark::MIN };

/// What a world is made of.
#[derive(Clone, Copy, Debug)]
struct Setting {
    windows: Windows,
    is_two_phase: bool,
    /// Bytes that the state may take.
    max_bytes: Option<u64>,
    /// Runs cannot be written.
    is_disk_full: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Windows {
    Tumble,
    Hop,
    Cumulate,
    Attached,
}

/// A row: key, time, value, text, and the window for those that come with one.
#[derive(Clone, Debug)]
struct Row {
    key: Option<String>,
    time: i64,
    value: Option<i64>,
    text: String,
    window: (i64, i64),
}

/// Every row with the windows it still counts in, in order of arrival.
#[derive(Clone, Default)]
struct Model {
    rows: Vec<(Row, Vec<(i64, i64)>)>,
    progress: i64,
}

/// What a committed checkpoint holds of a subtask.
#[derive(Clone, Default)]
struct Kept {
    scalars: Vec<(String, i64)>,
    live: Vec<SliceKey>,
    runs: Vec<Section>,
    chain: Vec<Section>,
}

struct World {
    setting: Setting,
    random: u64,
    folder: tempfile::TempDir,
    storage: Arc<MemoryStorage>,
    n_segments: u64,
    local: Option<LocalWindowAggregator>,
    subtasks: Vec<WindowAggregator>,
    chains: Vec<Chain>,
    stored_runs: BTreeMap<String, Section>,
    committed: Option<(Vec<Kept>, Model)>,
    model: Model,
    n_spills: usize,
    has_compacted: bool,
}

impl Windows {
    fn source(self) -> WindowSource {
        let kind = match self {
            Windows::Tumble | Windows::Attached => WindowKind::tumble(10),
            Windows::Hop => WindowKind::hop(5, 15),
            Windows::Cumulate => WindowKind::cumulate(5, 15),
        };
        let time = WindowTime::Event { column: if self == Windows::Attached { 5 } else { 1 } };
        let window = Window { kind: kind.unwrap(), offset: 0, time };
        match self {
            Windows::Attached => WindowSource::Attached { start: 4, end: 5, window },
            _ => WindowSource::Assign(window),
        }
    }

    fn of(self, row: &Row) -> Vec<(i64, i64)> {
        let base = |size: i64| row.time.div_euclid(size) * size;
        match self {
            Windows::Tumble => vec![(base(10), base(10) + 10)],
            Windows::Hop => (1..=3).map(|n| (base(5) + 5 * n - 15, base(5) + 5 * n)).collect(),
            Windows::Cumulate => {
                let ends = (1..=3).map(|n| base(15) + 5 * n).filter(|end| *end > row.time);
                ends.map(|end| (base(15), end)).collect()
            }
            Windows::Attached => vec![row.window],
        }
    }
}

fn rowtime() -> LogicalType {
    TypeRoot::timestamp(3).not_null()
}

fn input() -> Vec<Field> {
    vec![
        Field::new("k", TypeRoot::STRING.nullable()),
        Field::new("ts", rowtime()),
        Field::new("v", TypeRoot::BigInt.nullable()),
        Field::new("t", TypeRoot::STRING.nullable()),
        Field::new("window_start", rowtime()),
        Field::new("window_end", rowtime()),
    ]
}

fn calls(setting: &Setting) -> Vec<AggregateCall> {
    use AggregateFunction::{Avg, Count, CountStar, FirstValue, LastValue, Max, Min, Sum};
    let mut calls = vec![
        (CountStar, None, false),
        (Count, Some(2), false),
        (Sum, Some(2), false),
        (Avg, Some(2), false),
        (Min, Some(2), false),
        (Max, Some(3), false),
    ];
    if !setting.is_two_phase {
        calls.extend([(Count, Some(2), true), (Sum, Some(2), true)]);
        if matches!(setting.windows, Windows::Tumble | Windows::Attached) {
            calls.extend([(FirstValue, Some(2), false), (LastValue, Some(3), false)]);
        }
    }
    let call = |(function, argument, is_distinct): (AggregateFunction, Option<usize>, bool)| {
        let logical_type = argument.map(|column: usize| input()[column].logical_type.clone());
        let name = format!("{}{argument:?}{is_distinct}", function.name());
        AggregateCall {
            function,
            argument,
            is_distinct,
            filter: None,
            result: function.result_type(logical_type.as_ref()).unwrap(),
            name: name.clone(),
            state_name: name,
        }
    };
    calls.into_iter().map(call).collect()
}

fn aggregate(setting: &Setting) -> WindowAggregate {
    WindowAggregate {
        keys: vec![0],
        window: setting.windows.source(),
        aggregates: calls(setting),
        properties: vec![WindowProperty::Start, WindowProperty::End],
    }
}

fn output_fields(setting: &Setting) -> Vec<Field> {
    let mut fields = vec![Field::new("k", TypeRoot::STRING.nullable())];
    fields.extend(calls(setting).into_iter().map(|call| Field::new(call.name, call.result)));
    fields.extend([Field::new("window_start", rowtime()), Field::new("window_end", rowtime())]);
    fields
}

fn types() -> Vec<LogicalType> {
    input().into_iter().map(|field| field.logical_type).collect()
}

fn batch(rows: &[Row]) -> Batch {
    let time = |of: &dyn Fn(&Row) -> i64| -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(of)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.key.as_deref()).collect::<StringViewArray>()),
        time(&|row| row.time),
        Arc::new(rows.iter().map(|row| row.value).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| Some(row.text.as_str())).collect::<StringViewArray>()),
        time(&|row| row.window.0),
        time(&|row| row.window.1),
    ];
    Batch::inserts(RecordBatch::try_new(arrow_schema(&input()), columns).unwrap())
}

fn cell(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "null".to_owned();
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        _ => array.as_primitive::<TimestampMillisecondType>().value(row).to_string(),
    }
}

fn lines(batches: &[Batch]) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        for row in 0..batch.n_rows() {
            let cells = batch.records.columns().iter().map(|column| cell(column, row));
            lines.push(cells.collect::<Vec<String>>().join(" "));
        }
    }
    lines
}

impl Model {
    fn add(&mut self, windows: Windows, row: &Row) {
        let mut of_row = windows.of(row);
        of_row.retain(|(_, end)| end - 1 > self.progress);
        self.rows.push((row.clone(), of_row));
    }

    fn advance(&mut self, setting: &Setting, progress: i64) -> Vec<String> {
        let mut groups: BTreeMap<(i64, i64, Option<String>), Vec<Row>> = BTreeMap::new();
        for (row, windows) in &mut self.rows {
            for (start, end) in windows.extract_if(.., |(_, end)| *end - 1 <= progress) {
                groups.entry((start, end, row.key.clone())).or_default().push(row.clone());
            }
        }
        self.rows.retain(|(_, windows)| !windows.is_empty());
        self.progress = self.progress.max(progress);
        let line = |((start, end, key), rows): (&(i64, i64, Option<String>), &Vec<Row>)| {
            let key = key.clone().unwrap_or_else(|| "null".to_owned());
            let calls: Vec<String> = calls(setting).iter().map(|call| expect(call, rows)).collect();
            format!("{key} {} {start} {end}", calls.join(" "))
        };
        groups.iter().map(line).collect()
    }
}

/// What a call makes of rows.
fn expect(call: &AggregateCall, rows: &[Row]) -> String {
    use AggregateFunction::{Avg, Count, CountStar, FirstValue, LastValue, Max, Min, Sum};
    let mut values: Vec<i64> = rows.iter().filter_map(|row| row.value).collect();
    if call.is_distinct {
        values = values.into_iter().collect::<BTreeSet<i64>>().into_iter().collect();
    }
    let n_values = i64::try_from(values.len()).unwrap();
    let sum: i64 = values.iter().sum();
    let value = match call.function {
        CountStar => Some(i64::try_from(rows.len()).unwrap()),
        Count => Some(n_values),
        Sum => (n_values > 0).then_some(sum),
        Avg => (n_values > 0).then(|| sum / n_values),
        Min => values.iter().min().copied(),
        FirstValue => values.first().copied(),
        Max => return rows.iter().map(|row| row.text.clone()).max().unwrap(),
        LastValue => return rows.last().unwrap().text.clone(),
    };
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

fn run(operator: &mut dyn Operator, emission: Emission, mut output: Output) -> Vec<Batch> {
    let mut emission = emission;
    while emission == Emission::More {
        emission = operator.resume(&mut output).unwrap();
    }
    output.batches
}

impl World {
    fn new(setting: Setting, seed: u64) -> World {
        let mut world = World {
            setting,
            random: seed,
            folder: tempfile::tempdir().unwrap(),
            storage: Arc::default(),
            n_segments: 0,
            local: None,
            subtasks: Vec::new(),
            chains: Vec::new(),
            stored_runs: BTreeMap::new(),
            committed: None,
            model: Model { rows: Vec::new(), progress: i64::MIN },
            n_spills: 0,
            has_compacted: false,
        };
        world.start(1);
        world
    }

    fn random(&mut self, range: Range<i64>) -> i64 {
        self.random = splitmix64(self.random);
        let width = u64::try_from(range.end - range.start).unwrap();
        range.start + i64::try_from(self.random % width).unwrap()
    }

    /// Makes the operators of a life without state.
    fn start(&mut self, parallelism: usize) {
        let aggregate = aggregate(&self.setting);
        let schema = arrow_schema(&output_fields(&self.setting));
        let memory = self.setting.max_bytes.map(|max_bytes| {
            let folder = SpillFolder::make(self.folder.path(), 7).unwrap();
            if self.setting.is_disk_full {
                fs::remove_dir(folder.path()).unwrap();
                fs::write(folder.path(), "").unwrap();
            }
            Arc::new(MemoryLimit::of_state(max_bytes, folder))
        });
        let subtask = |index| {
            let memory = memory.clone();
            let context = StateContext { memory, ..self.context(index) };
            let is_global = self.setting.is_two_phase;
            WindowAggregator::new(&aggregate, types(), schema.clone(), is_global, context).unwrap()
        };
        self.subtasks = (0..parallelism).map(subtask).collect();
        self.chains = (0..parallelism).map(|_| Chain::default()).collect();
        let local = || LocalWindowAggregator::new(&aggregate, types()).unwrap();
        self.local = self.setting.is_two_phase.then(local);
    }

    fn context(&self, subtask: usize) -> StateContext {
        StateContext {
            operator: OperatorId(1),
            subtask: SubtaskIndex(subtask),
            max_parallelism: GROUPS,
            is_tracked: true,
            memory: None,
        }
    }

    fn rows(&mut self) {
        let n_rows = self.random(1..12);
        let mut rows = Vec::new();
        let now = self.model.progress.max(0);
        for _ in 0..n_rows {
            let time = now + self.random(-12..35);
            let end = (now / 5 + self.random(-2..6)) * 5;
            let key = self.random(0..60);
            let value = self.random(-5..40);
            rows.push(Row {
                key: (key > 0).then(|| format!("key {key}")),
                time,
                value: (value > 0).then_some(value),
                text: format!("text number {}", self.random(100..999)),
                window: (end - 5 * self.random(1..4), end),
            });
        }
        rows.iter().for_each(|row| self.model.add(self.setting.windows, row));
        let batch = batch(&rows);
        let batches = match &mut self.local {
            None => vec![batch],
            Some(local) => {
                let mut output = Output::default();
                let emission = local.process(0, batch, &CONTEXT, &mut output).unwrap();
                run(local, emission, output)
            }
        };
        self.route(batches);
    }

    /// Hands rows, whose key is their first column, to their subtasks.
    fn route(&mut self, batches: Vec<Batch>) {
        let codec = KeyCodec::new(vec![DataType::Utf8View]);
        for batch in batches {
            let mut keys = EncodedKeys::default();
            codec.encode(&batch.records.columns()[..1], batch.n_rows(), &mut keys);
            let n_subtasks = self.subtasks.len();
            for (index, subtask) in self.subtasks.iter_mut().enumerate() {
                let is_own = |row: &u32| {
                    let group = key_group(key_hash(keys.key(*row as usize)), GROUPS);
                    subtask_of(group, n_subtasks, GROUPS) == index
                };
                let rows = (0..u32::try_from(batch.n_rows()).unwrap()).filter(is_own);
                let rows = UInt32Array::from_iter_values(rows);
                let own = arrow_select::take::take_record_batch(&batch.records, &rows).unwrap();
                let mut output = Output::default();
                let batch = Batch::inserts(own);
                let emission = subtask.process(0, batch, &CONTEXT, &mut output).unwrap();
                assert!(run(subtask, emission, output).is_empty());
                self.has_compacted |= subtask.compaction.is_some();
            }
        }
    }

    fn flush(&mut self, advance: impl Fn(&mut dyn Operator, &mut Output) -> Emission) {
        let Some(local) = &mut self.local else { return };
        let mut output = Output::default();
        let emission = advance(local, &mut output);
        let batches = run(local, emission, output);
        self.route(batches);
    }

    fn watermark(&mut self, watermark: i64) {
        self.flush(|local, output| local.watermark(Watermark(watermark), output).unwrap());
        let mut fired = Vec::new();
        for subtask in &mut self.subtasks {
            let mut output = Output::default();
            let emission = subtask.watermark(Watermark(watermark), &mut output).unwrap();
            fired.extend(lines(&run(subtask, emission, output)));
        }
        fired.sort();
        let mut expected = self.model.advance(&self.setting, watermark);
        expected.sort();
        assert_eq!(fired, expected, "at watermark {watermark}");
    }

    fn seal(&mut self) {
        self.flush(|local, output| local.before_barrier(output).unwrap());
        let mut kept = Vec::new();
        for index in 0..self.subtasks.len() {
            let mut output = Output::default();
            assert_eq!(self.subtasks[index].before_barrier(&mut output).unwrap(), Emission::Done);
            let sealed = self.subtasks[index].seal().unwrap().unwrap();
            let runs = sealed.runs.into_iter().map(|run| self.store_run(run, index)).collect();
            let has_rows = sealed.rows.iter().any(|rows| rows.num_rows() > 0);
            let section = has_rows.then(|| self.store(index, &sealed.rows));
            self.chains[index].seal(sealed.n_turns, section);
            let chain = self.chains[index].sections();
            kept.push(Kept { scalars: sealed.scalars, live: sealed.live, runs, chain });
        }
        self.committed = Some((kept, self.model.clone()));
    }

    fn store(&mut self, subtask: usize, rows: &[RecordBatch]) -> Section {
        let section = SectionId { operator: OperatorId(1), subtask: SubtaskIndex(subtask) };
        let mut writer = SegmentWriter::new(GROUPS);
        rows.iter().for_each(|rows| writer.add_state(section, rows).unwrap());
        let encoded = writer.finish().unwrap();
        self.store_bytes(section, &encoded.bytes, encoded.checksum)
    }

    fn store_bytes(&mut self, section: SectionId, bytes: &[u8], checksum: u64) -> Section {
        let path = format!("segment/{}", self.n_segments);
        self.n_segments += 1;
        self.storage.put(&path, bytes).unwrap();
        let reference = SegmentRef { path, n_bytes: bytes.len() as u64, checksum };
        let storage: Arc<dyn Storage> = self.storage.clone();
        Section { segment: Arc::new(SegmentReader::open(storage, &reference).unwrap()), section }
    }

    fn store_run(&mut self, run: Run, subtask: usize) -> Section {
        let run = match run {
            Run::Stored(section) => return section,
            Run::Spilled(run) => run,
        };
        if let Some(section) = self.stored_runs.get(&run.segment.path) {
            return section.clone();
        }
        self.n_spills += 1;
        let section = SectionId { operator: OperatorId(1), subtask: SubtaskIndex(subtask) };
        let encoded = run.encode().unwrap();
        let stored = self.store_bytes(section, &encoded.bytes, encoded.checksum);
        self.stored_runs.insert(run.segment.path.clone(), stored.clone());
        stored
    }

    fn restore(&mut self, parallelism: usize) {
        let Some((kept, model)) = self.committed.clone() else { return };
        self.model = model;
        self.start(parallelism);
        for index in 0..parallelism {
            let own = key_group_range(index, parallelism, GROUPS);
            let mut parts = Vec::new();
            for (former, kept) in kept.iter().enumerate() {
                let theirs = key_group_range(former, self.committed_parallelism(), GROUPS);
                let groups = own.start.max(theirs.start)..own.end.min(theirs.end);
                if groups.is_empty() {
                    continue;
                }
                self.chains[index].restored.extend(kept.chain.iter().cloned());
                let Kept { scalars, live, runs, chain } = kept.clone();
                parts.push(RestoredPart { groups, scalars, live, runs, chain });
            }
            self.subtasks[index].restore(RestoredState { allows_loss: false, parts }).unwrap();
        }
    }

    fn committed_parallelism(&self) -> usize {
        self.committed.as_ref().map_or(0, |(kept, _)| kept.len())
    }

    /// `n_restores` of 1,000 steps restore.
    fn live(&mut self, n_steps: usize, n_restores: i64) {
        for _ in 0..n_steps {
            match self.random(0..1_000) {
                0..400 => self.rows(),
                400..600 => {
                    let watermark = self.model.progress.max(0) + self.random(0..9);
                    self.watermark(watermark);
                }
                step if step < 1_000 - n_restores => self.seal(),
                _ => {
                    let parallelism = usize::try_from(self.random(1..4)).unwrap();
                    self.restore(parallelism);
                }
            }
        }
        self.watermark(i64::MAX);
        assert!(self.subtasks.iter().all(|subtask| subtask.n_keys() == 0));
    }
}

fn check(windows: Windows, is_two_phase: bool) {
    let limits = [(None, false), (Some(1), false), (Some(12_000), false), (Some(1), true)];
    for (max_bytes, is_disk_full) in limits {
        let mut n_spills = 0;
        let mut has_compacted = false;
        for seed in 0..N_SEEDS {
            let setting = Setting { windows, is_two_phase, max_bytes, is_disk_full };
            println!("seed {seed} of {setting:?}");
            let mut world = World::new(setting, splitmix64(seed));
            world.live(300, if seed % 2 == 0 { 8 } else { 40 });
            n_spills += world.n_spills;
            has_compacted |= world.has_compacted;
        }
        assert_eq!(has_compacted, max_bytes == Some(1) && !is_disk_full);
        assert_eq!(n_spills > 0, max_bytes.is_some() && !is_disk_full);
    }
}

#[test]
fn tumble_survives() {
    check(Windows::Tumble, false);
    check(Windows::Tumble, true);
}

#[test]
fn hop_survives() {
    check(Windows::Hop, false);
    check(Windows::Hop, true);
}

#[test]
fn cumulate_survives() {
    check(Windows::Cumulate, false);
    check(Windows::Cumulate, true);
}

#[test]
fn attached_windows_survive() {
    check(Windows::Attached, false);
}

fn setting(windows: Windows) -> Setting {
    Setting { windows, is_two_phase: false, max_bytes: None, is_disk_full: false }
}

#[test]
fn a_lost_run_restarts_the_job() {
    let mut world = World::new(Setting { max_bytes: Some(1), ..setting(Windows::Tumble) }, 0);
    for value in 1..4 {
        world.route(vec![batch(&[row("a", value), row("b", value)])]);
    }
    let operator = &mut world.subtasks[0];
    let runs: Vec<SliceRun> =
        operator.slices().flat_map(|(_, slice)| slice.runs.iter().cloned()).collect();
    assert!(!runs.is_empty());
    for run in runs {
        let Run::Spilled(run) = run.run else { panic!("a run of this process") };
        fs::remove_file(&run.path).unwrap();
    }
    let mut output = Output::default();
    let mut emission = operator.watermark(Watermark(100), &mut output);
    while matches!(emission, Ok(Emission::More)) {
        emission = operator.resume(&mut output);
    }
    let error = emission.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Bug, "AR5301"), "{error}");
}

/// The operator of an edited script that takes over what another one sealed.
/// The operator of a script with other aggregates, restored from what the former one sealed.
fn edited(
    calls: Vec<AggregateCall>,
    keys: Vec<usize>,
    sealed: Sealed,
    allows_loss: bool,
) -> Result<WindowAggregator> {
    let mut world = World::new(setting(Windows::Tumble), 0);
    let section = world.store(0, &sealed.rows);
    let aggregate = WindowAggregate { aggregates: calls, keys, ..aggregate(&world.setting) };
    let key = input().swap_remove(aggregate.keys[0]);
    let mut fields = vec![key];
    let results = aggregate.aggregates.iter();
    fields.extend(results.map(|call| Field::new(call.name.clone(), call.result.clone())));
    fields.extend([Field::new("window_start", rowtime()), Field::new("window_end", rowtime())]);
    let schema = arrow_schema(&fields);
    let context = world.context(0);
    let mut operator = WindowAggregator::new(&aggregate, types(), schema, false, context)?;
    let Sealed { scalars, live, .. } = sealed;
    let (runs, chain) = (Vec::new(), vec![section]);
    let part = RestoredPart { groups: 0..GROUPS, scalars, live, runs, chain };
    operator.restore(RestoredState { allows_loss, parts: vec![part] })?;
    Ok(operator)
}

fn row(key: &str, value: i64) -> Row {
    let text = format!("text {value}");
    Row { key: Some(key.to_owned()), time: 5, value: Some(value), text, window: (0, 10) }
}

fn sealed(rows: &[Row]) -> Sealed {
    let mut world = World::new(setting(Windows::Tumble), 0);
    world.route(vec![batch(rows)]);
    world.subtasks[0].seal().unwrap().unwrap()
}

#[test]
fn an_edited_script_keeps_the_aggregates_that_stay() {
    let mut calls = calls(&setting(Windows::Tumble));
    let before = || sealed(&[row("a", 1), row("a", 5), row("b", 7)]);
    // SUM(v), a new MAX(v), then COUNT(*).
    let maximum = AggregateCall {
        function: AggregateFunction::Max,
        state_name: "new".to_owned(),
        ..calls[2].clone()
    };
    let after = vec![calls.remove(2), maximum, calls.remove(0)];
    let refused = edited(after.clone(), vec![0], before(), false).err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::User, "AR5201"), "{refused}");
    assert!(refused.to_string().contains("new: new"), "{refused}");
    let mut operator = edited(after, vec![0], before(), true).unwrap();
    let rows = batch(&[row("b", 3), row("c", 2)]);
    operator.process(0, rows, &CONTEXT, &mut Output::default()).unwrap();
    let mut output = Output::default();
    let emission = operator.watermark(Watermark::MAX, &mut output).unwrap();
    let mut fired = lines(&run(&mut operator, emission, output));
    fired.sort();
    assert_eq!(fired, ["a 6 null 2 0 10", "b 10 3 2 0 10", "c 2 2 1 0 10"]);
}

#[test]
fn keys_of_another_type_are_refused() {
    let before = sealed(&[row("a", 1)]);
    let calls = calls(&setting(Windows::Tumble));
    let error = edited(calls, vec![2], before, false).err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR5002"));
}

/// What is written here is read by every later version: columns may be added, none may change.
#[test]
fn the_columns_of_state_are_pinned() {
    let sealed = sealed(&[row("a", 1)]);
    let schema = sealed.rows[0].schema();
    let columns =
        schema.fields().iter().map(|field| format!("{}: {}", field.name(), field.data_type()));
    assert_eq!(
        columns.collect::<Vec<String>>(),
        [
            "key: Binary",
            "slice_end: Int64",
            "slice_start: Int64",
            "deleted: Boolean",
            "COUNTNonefalse.0: Int64",
            "COUNTSome(2)false.0: Int64",
            "SUMSome(2)false.0: Int64",
            "AVGSome(2)false.0: Int64",
            "AVGSome(2)false.1: Int64",
            "MINSome(2)false.0: Int64",
            "MAXSome(3)false.0: Utf8View",
            "COUNTSome(2)true.0: List(Int64, field: 'element')",
            "SUMSome(2)true.0: List(Int64, field: 'element')",
            "FIRST_VALUESome(2)false.0: Int64",
            "LAST_VALUESome(3)false.0: Utf8View",
        ]
    );
}
