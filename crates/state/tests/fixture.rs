//! Checkpoints written by the first version of each format: they must open for ever.
//!
//! `fixture/v1` is the store of a job. With `ARGUS_BLESS=1` it is written where it is missing; what
//! is there is never written again.

use std::path::PathBuf;
use std::sync::Arc;

use argus_base::Env;
use argus_base::commit::{CommitRecord, Generation, Incarnation};
use argus_base::id::{CheckpointId, OperatorId, SubtaskIndex};
use argus_base::source::{SplitLabel, SplitPosition};
use argus_base::time::{ProcessingTime, Watermark};
use argus_state::SliceKey;
use argus_state::epoch_log::{EpochLog, Takeover};
use argus_state::manifest::{
    KeyedState, Manifest, OperatorState, SectionRef, SplitWatermark, StagedContent, StagedOutput,
    SubtaskState,
};
use argus_state::segment::{SectionId, SegmentReader, SegmentRef, SegmentWriter};
use argus_state::storage::{LocalStorage, Storage};
use arrow_array::builder::{ListBuilder, MapBuilder, StringViewBuilder};
use arrow_array::types::{DurationMillisecondType, IntervalYearMonthType};
use arrow_array::{
    ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, NullArray,
    PrimitiveArray, RecordBatch, StringViewArray, StructArray, Time32MillisecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
};

const GROUPS: u16 = 128;
const STATE: SectionId = SectionId { operator: OperatorId(0x77), subtask: SubtaskIndex(1) };
const STAGED: SectionId = SectionId { operator: OperatorId(0x99), subtask: SubtaskIndex(0) };

fn store() -> Arc<dyn Storage> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixture/v1");
    Arc::new(LocalStorage::open(&folder, &Env::system()).unwrap())
}

/// State of three keys, in the order in which it is read back.
fn state() -> RecordBatch {
    let keys: ArrayRef =
        Arc::new(BinaryArray::from(vec![&b"\x01key-b"[..], b"\x01key-c", b"\x01key-a"]));
    let longs = |values: [i64; 3]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    RecordBatch::try_from_iter([
        ("key", keys),
        ("slice_end", longs([20_000, 10_000, i64::MAX])),
        ("slice_start", longs([10_000, 0, i64::MIN])),
        ("deleted", Arc::new(BooleanArray::from(vec![false, true, false]))),
        ("count(*)", longs([3, 0, -1])),
    ])
    .unwrap()
}

/// Two rows with a column of each type.
fn staged() -> RecordBatch {
    let long_text = "a text that does not lie in its view";
    let mut list = ListBuilder::new(StringViewBuilder::new());
    list.append_value([Some("x"), None, Some(long_text)]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringViewBuilder::new(), StringViewBuilder::new());
    map.keys().append_value("k");
    map.values().append_value(long_text);
    map.append(true).unwrap();
    map.append(true).unwrap();
    let texts: ArrayRef = Arc::new(StringViewArray::from(vec![Some(long_text), None]));
    let row = StructArray::try_from(vec![("text", texts.clone())]).unwrap();
    let decimals = Decimal128Array::from(vec![Some(-12_345), None]);
    let intervals = PrimitiveArray::<IntervalYearMonthType>::from(vec![Some(14), None]);
    let durations = PrimitiveArray::<DurationMillisecondType>::from(vec![Some(-1), None]);
    let zoned = TimestampNanosecondArray::from(vec![Some(1), None]).with_timezone("UTC");
    let columns: [(&str, ArrayRef); 21] = [
        ("boolean", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("tinyint", Arc::new(Int8Array::from(vec![Some(i8::MIN), None]))),
        ("smallint", Arc::new(Int16Array::from(vec![Some(i16::MIN), None]))),
        ("int", Arc::new(Int32Array::from(vec![Some(i32::MIN), None]))),
        ("bigint", Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        ("float", Arc::new(Float32Array::from(vec![Some(-0.5), None]))),
        ("double", Arc::new(Float64Array::from(vec![Some(1e300), None]))),
        ("decimal", Arc::new(decimals.with_precision_and_scale(38, 4).unwrap())),
        ("string", texts),
        ("bytes", Arc::new(BinaryViewArray::from(vec![Some(&b"\x00\xff"[..]), None]))),
        ("date", Arc::new(Date32Array::from(vec![Some(-1), None]))),
        ("time", Arc::new(Time32MillisecondArray::from(vec![Some(86_399_999), None]))),
        ("timestamp3", Arc::new(TimestampMillisecondArray::from(vec![Some(-1), None]))),
        ("timestamp6", Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None]))),
        ("timestamp_ltz9", Arc::new(zoned)),
        ("interval_month", Arc::new(intervals)),
        ("interval_day", Arc::new(durations)),
        ("array", Arc::new(list.finish())),
        ("map", Arc::new(map.finish())),
        ("row", Arc::new(row)),
        ("null", Arc::new(NullArray::new(2))),
    ];
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
}

fn manifest(segment: SegmentRef) -> Manifest {
    let of = |section| SectionRef { segment: segment.clone(), section };
    let label = SplitLabel { topic: "orders".to_owned(), partition: 2 };
    let source = SubtaskState {
        watermark: Some(Watermark(1_699_999_990_000)),
        clock: Some(ProcessingTime(1_700_000_000_000)),
        positions: vec![SplitPosition { split: "orders-2".into(), position: "17".into() }],
        split_watermarks: vec![
            SplitWatermark { split: Some(label), watermark: Watermark::MIN },
            SplitWatermark { split: None, watermark: Watermark::MAX },
        ],
        keyed: None,
    };
    let keyed = KeyedState {
        scalars: vec![("fired".to_owned(), 10_000), ("least".to_owned(), i64::MIN)],
        live: vec![SliceKey { end: 20_000, start: 10_000 }],
        runs: vec![of(STATE)],
        chain: vec![of(STATE), of(STATE)],
        n_keys: 3,
        n_bytes: 4_096,
    };
    let windows = SubtaskState { keyed: Some(keyed), ..SubtaskState::default() };
    let operator = |id, name: &str, subtasks| OperatorState {
        operator: OperatorId(id),
        name: name.to_owned(),
        subtasks,
    };
    let staged = |subtask, content| StagedOutput {
        sink: STAGED.operator,
        subtask: SubtaskIndex(subtask),
        checkpoint: CheckpointId(40),
        content,
    };
    Manifest {
        job: "totals per hour".to_owned(),
        engine: "0.1.0".to_owned(),
        incarnation: Incarnation::new(0xfeed_0000_0000_beef),
        generation: Generation(1),
        checkpoint: CheckpointId(41),
        created_at: ProcessingTime(1_700_000_000_000),
        max_parallelism: GROUPS,
        operators: vec![
            operator(0x11, "Source orders", vec![source]),
            operator(STATE.operator.0, "WindowAggregate", vec![SubtaskState::default(), windows]),
        ],
        staged: vec![
            staged(0, StagedContent::Rows(of(STAGED))),
            staged(1, StagedContent::Note("{\"part\":1}".to_owned())),
        ],
    }
}

/// Writes the store, as a job would.
fn write(storage: &Arc<dyn Storage>) {
    let mut writer = SegmentWriter::new(GROUPS);
    writer.add_state(STATE, &state()).unwrap();
    writer.add_rows(STAGED, &staged()).unwrap();
    let encoded = writer.finish().unwrap();
    let path = SegmentRef::path(CheckpointId(41), Generation(1), 0);
    storage.put(&path, &encoded.bytes).unwrap();
    let n_bytes = encoded.bytes.len() as u64;
    let manifest = manifest(SegmentRef { path, n_bytes, checksum: encoded.checksum });
    let bytes = manifest.encode();
    let manifest_hash = Manifest::hash(&bytes);
    storage.put(&Manifest::path(manifest.checkpoint, &manifest_hash), &bytes).unwrap();
    let (mut log, _) = EpochLog::take_over(Arc::clone(storage), 0xabcd_ef01_2345_6789).unwrap();
    let (incarnation, checkpoint) = (manifest.incarnation, manifest.checkpoint);
    log.commit(&CommitRecord { incarnation, checkpoint, manifest_hash }).unwrap();
}

#[test]
fn the_first_format_opens() {
    let storage = store();
    if std::env::var_os("ARGUS_BLESS").is_some() && storage.list("").unwrap().is_empty() {
        write(&storage);
    }
    let Takeover { generation, committed } = EpochLog::look(storage.as_ref()).unwrap().unwrap();
    let committed = committed.unwrap();
    assert_eq!((generation, committed.checkpoint), (Generation(1), CheckpointId(41)));
    let path = Manifest::path(committed.checkpoint, &committed.manifest_hash);
    let bytes = storage.get(&path).unwrap().unwrap();
    assert_eq!(Manifest::hash(&bytes), committed.manifest_hash);
    let found = Manifest::decode(&bytes).unwrap();
    assert_eq!(found.incarnation, committed.incarnation);
    let segment = found.segments()[0].clone();
    assert_eq!(found, manifest(segment.clone()));
    assert_eq!(segment.path, "segment/00000000000000000041-0");
    let reader = SegmentReader::open(storage, &segment).unwrap();
    assert_eq!(reader.sections(), [STATE, STAGED]);
    let read = |rows: Box<dyn Iterator<Item = _> + '_>| -> Vec<RecordBatch> {
        rows.collect::<argus_base::Result<_>>().unwrap()
    };
    assert_eq!(read(reader.read_state(STATE, 0..GROUPS)), [state()]);
    assert_eq!(read(reader.read_rows(STAGED)), [staged()]);
}
