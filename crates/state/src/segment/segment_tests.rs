//! Segments as a whole: what goes in comes out, by key group, and nothing broken does.

use std::ops::Range;
use std::sync::Arc;

use argus_base::env::splitmix64;
use argus_base::key_group::{key_group, key_hash};
use argus_base::{ErrorKind, Result};
use arrow_array::builder::{BinaryViewBuilder, ListBuilder, MapBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array, Int64Array, NullArray,
    RecordBatch, StringViewArray, StructArray, TimestampMicrosecondArray,
};

use super::*;
use crate::storage::{MemoryStorage, Storage};

const GROUPS: u16 = 128;

fn section(operator: u64, subtask: usize) -> SectionId {
    SectionId { operator: OperatorId(operator), subtask: SubtaskIndex(subtask) }
}

fn key(i: u64) -> Vec<u8> {
    let random = splitmix64(i);
    random.to_le_bytes()[..usize::try_from(random % 8 + 1).unwrap()].to_vec()
}

/// Rows of state with one column `n` that numbers them.
fn rows(numbers: Range<u64>) -> RecordBatch {
    let keys: BinaryArray = numbers.clone().map(|i| Some(key(i))).collect();
    let slices = |salt: u64| -> ArrayRef {
        let slice = |i: u64| i64::try_from(splitmix64(i ^ salt) % 5).unwrap() * 1_000;
        Arc::new(Int64Array::from_iter_values(numbers.clone().map(slice)))
    };
    let deleted: BooleanArray = numbers.clone().map(|i| Some(i % 7 == 0)).collect();
    let n: Int64Array = numbers.clone().map(|i| Some(i64::try_from(i).unwrap())).collect();
    RecordBatch::try_from_iter([
        ("key", Arc::new(keys) as ArrayRef),
        ("slice_end", slices(1)),
        ("slice_start", slices(2)),
        ("deleted", Arc::new(deleted)),
        ("n", Arc::new(n)),
    ])
    .unwrap()
}

fn numbers(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("n").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn encode(fill: impl FnOnce(&mut SegmentWriter)) -> EncodedSegment {
    let mut writer = SegmentWriter::new(GROUPS);
    fill(&mut writer);
    writer.finish().unwrap()
}

fn open_bytes(bytes: &[u8], checksum: u64) -> Result<SegmentReader> {
    let storage = MemoryStorage::default();
    storage.put("segment/1-0", bytes).unwrap();
    let n_bytes = bytes.len() as u64;
    let path = "segment/1-0".to_owned();
    SegmentReader::open(Arc::new(storage), &SegmentRef { path, n_bytes, checksum })
}

fn open(segment: &EncodedSegment) -> SegmentReader {
    open_bytes(&segment.bytes, segment.checksum).unwrap()
}

fn state(reader: &SegmentReader, section: SectionId, groups: Range<u16>) -> Vec<RecordBatch> {
    reader.read_state(section, groups).map(|batch| batch.unwrap()).collect()
}

/// The order promised: group, slice end, slice start, as added.
fn order_of(batch: &RecordBatch) -> Vec<(u16, i64, i64, i64)> {
    let long = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().clone();
    let keys = batch.column_by_name("key").unwrap().as_binary::<i32>().clone();
    let (end, start, n) = (long("slice_end"), long("slice_start"), long("n"));
    let order = (0..batch.num_rows()).map(|row| {
        let group = key_group(key_hash(keys.value(row)), GROUPS).0;
        (group, end.value(row), start.value(row), n.value(row))
    });
    order.collect()
}

#[test]
fn any_range_of_groups_can_be_read() {
    let n_rows = 200_000;
    let segment = encode(|writer| {
        writer.add_state(section(1, 0), &rows(0..n_rows)).unwrap();
        writer.add_state(section(2, 0), &rows(7..8)).unwrap();
    });
    let reader = open(&segment);
    assert_eq!(reader.sections(), [section(1, 0), section(2, 0)]);
    assert!(state(&reader, section(1, 0), 0..GROUPS).len() > 5, "it has several blocks");
    for groups in [0..GROUPS, 0..1, 5..6, 17..64, 127..128, 64..128, 3..3] {
        let batches = state(&reader, section(1, 0), groups.clone());
        let mut found: Vec<_> = batches.iter().flat_map(order_of).collect();
        assert!(found.is_sorted(), "{groups:?}");
        assert!(found.iter().all(|row| groups.contains(&row.0)), "{groups:?}");
        found.sort_unstable_by_key(|row| row.3);
        let expected: Vec<_> = order_of(&rows(0..n_rows));
        let expected: Vec<_> = expected.into_iter().filter(|row| groups.contains(&row.0)).collect();
        assert_eq!(found, expected, "{groups:?}");
    }
    let other = state(&reader, section(2, 0), 0..GROUPS);
    assert_eq!(other.iter().flat_map(numbers).collect::<Vec<_>>(), [7]);
    assert!(state(&reader, section(3, 0), 0..GROUPS).is_empty());
}

/// Counts what is read of it.
struct Counting {
    inner: MemoryStorage,
    reads: std::sync::Mutex<Vec<u64>>,
}

impl Storage for Counting {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.inner.put(path, bytes)
    }
    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        self.inner.put_if_absent(path, bytes)
    }
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.inner.get(path)
    }
    fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        self.reads.lock().unwrap().push(range.end - range.start);
        self.inner.get_range(path, range)
    }
    fn list(&self, prefix: &str) -> Result<Vec<crate::storage::ObjectInfo>> {
        self.inner.list(prefix)
    }
    fn delete(&self, path: &str) -> Result<()> {
        self.inner.delete(path)
    }
}

#[test]
fn only_what_is_needed_is_read() {
    let segment = encode(|writer| {
        writer.add_state(section(1, 0), &rows(0..200_000)).unwrap();
        writer.add_state(section(2, 0), &rows(0..10)).unwrap();
    });
    let n_bytes = segment.bytes.len() as u64;
    let storage = Arc::new(Counting { inner: MemoryStorage::default(), reads: Vec::new().into() });
    storage.put("a", &segment.bytes).unwrap();
    let reference = SegmentRef { path: "a".to_owned(), n_bytes, checksum: segment.checksum };
    let reader = SegmentReader::open(storage.clone(), &reference).unwrap();
    let take_reads = || std::mem::take(&mut *storage.reads.lock().unwrap());
    let opening = take_reads();
    assert_eq!(opening.len(), 3, "end, header, index: {opening:?}");
    state(&reader, section(1, 0), 0..GROUPS);
    assert_eq!(take_reads().len(), 1, "neighbours are read together");
    state(&reader, section(1, 0), 60..61);
    assert!(take_reads().iter().sum::<u64>() < n_bytes / 3);
}

#[test]
fn staged_rows_keep_their_order() {
    let segment = encode(|writer| {
        writer.add_rows(section(1, 3), &rows(0..100_000)).unwrap();
        writer.add_rows(section(1, 2), &rows(5..6)).unwrap();
        writer.add_rows(section(1, 3), &rows(100_000..100_001)).unwrap();
        writer.add_rows(section(1, 3), &rows(0..0)).unwrap();
    });
    let reader = open(&segment);
    let found: Vec<i64> =
        reader.read_rows(section(1, 3)).flat_map(|batch| numbers(&batch.unwrap())).collect();
    assert_eq!(found, (0..100_001).collect::<Vec<_>>());
    assert_eq!(reader.sections(), [section(1, 2), section(1, 3)]);
}

#[test]
fn a_segment_may_be_empty() {
    let segment = encode(|_| ());
    assert!(open(&segment).sections().is_empty());
}

fn every_type() -> RecordBatch {
    let long_text = "a text that does not lie in its view";
    let texts: ArrayRef =
        Arc::new(StringViewArray::from(vec![Some("short"), None, Some(long_text), Some("")]));
    let bytes: ArrayRef =
        Arc::new(BinaryViewArray::from(vec![Some(&b"\x00"[..]), Some(&[7; 40]), None, Some(b"")]));
    let decimals = Decimal128Array::from(vec![Some(i128::MAX), None, Some(-1), Some(0)]);
    let decimals = decimals.with_precision_and_scale(38, 10).unwrap();
    let times = TimestampMicrosecondArray::from(vec![Some(i64::MIN), None, Some(0), Some(5)]);
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None]));
    let mut list = ListBuilder::new(StringViewBuilder::new());
    list.append_value([Some("x"), None, Some(long_text)]);
    list.append_null();
    list.append_value([Some("y")]);
    list.append_value::<[Option<&str>; 0], _>([]);
    let mut map = MapBuilder::new(None, StringViewBuilder::new(), BinaryViewBuilder::new());
    for i in 0..4 {
        map.keys().append_value(format!("{i} {long_text}"));
        map.values().append_value([i; 20]);
        map.append(i != 2).unwrap();
    }
    let fields = [("t", texts.clone()), ("b", flags.clone())];
    let rows = StructArray::try_from(fields.to_vec()).unwrap();
    let nulls = Some(vec![true, false, true, true].into());
    let rows = StructArray::new(rows.fields().clone(), rows.columns().to_vec(), nulls);
    RecordBatch::try_from_iter_with_nullable([
        ("texts", texts, true),
        ("bytes", bytes, true),
        ("decimals", Arc::new(decimals) as ArrayRef, true),
        ("times", Arc::new(times), true),
        ("zoned", Arc::new(TimestampMicrosecondArray::from(vec![1; 4]).with_timezone("UTC")), true),
        ("flags", flags, true),
        ("list", Arc::new(list.finish()), true),
        ("map", Arc::new(map.finish()), true),
        ("rows", Arc::new(rows), true),
        ("nothing", Arc::new(NullArray::new(4)), true),
    ])
    .unwrap()
}

#[test]
fn every_type_comes_back() {
    let batch = every_type();
    let other = section(1, 1);
    let segment = encode(|writer| {
        writer.add_rows(section(1, 0), &batch).unwrap();
        writer.add_rows(other, &batch.slice(1, 3)).unwrap();
    });
    let reader = open(&segment);
    assert_eq!(reader.read_rows(section(1, 0)).next().unwrap().unwrap(), batch);
    assert_eq!(reader.read_rows(other).next().unwrap().unwrap(), batch.slice(1, 3));
}

#[test]
fn state_of_every_type_comes_back() {
    let values = every_type();
    let head = rows(0..4);
    let keys: ArrayRef = Arc::new(BinaryViewArray::from_iter_values((0..4).map(key)));
    let columns = [vec![keys], head.columns()[1..4].to_vec(), values.columns().to_vec()].concat();
    let names = ["key", "slice_end", "slice_start", "deleted"].into_iter();
    let schema = values.schema();
    let names = names.chain(schema.fields().iter().map(|field| field.name().as_str()));
    let named = names.zip(columns).map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(named).unwrap();
    let segment = encode(|writer| writer.add_state(section(1, 0), &batch).unwrap());
    let found = state(&open(&segment), section(1, 0), 0..GROUPS).remove(0);
    let group = |batch: &RecordBatch, row: usize| {
        key_group(key_hash(batch.column(0).as_binary_view().value(row)), GROUPS)
    };
    assert!((0..4).is_sorted_by_key(|row| group(&found, row)));
    for row in 0..4 {
        let same = (0..4).find(|other| batch.slice(*other, 1) == found.slice(row, 1));
        assert!(same.is_some(), "row {row}");
    }
}

#[test]
fn views_do_not_drag_along_what_they_do_not_show() {
    let large =
        StringViewArray::from_iter_values((0..10_000).map(|i| format!("a long text {i:09}")));
    let column: ArrayRef = Arc::new(large.slice(0, 2));
    let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let segment = encode(|writer| writer.add_rows(section(1, 0), &batch).unwrap());
    assert!(segment.bytes.len() < 1_000, "{} bytes", segment.bytes.len());
}

#[test]
fn rows_without_key_are_no_state() {
    let batch = every_type();
    let mut writer = SegmentWriter::new(GROUPS);
    let error = writer.add_state(section(1, 0), &batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bug);
}

#[test]
fn local_files_are_read_even_when_they_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let segment = encode(|writer| writer.add_state(section(1, 0), &rows(0..100_000)).unwrap());
    std::fs::write(&path, &segment.bytes).unwrap();
    let n_bytes = segment.bytes.len() as u64;
    let reference = SegmentRef { path: "run".to_owned(), n_bytes, checksum: segment.checksum };
    let reader = SegmentReader::open_file(&path, &reference).unwrap();
    std::fs::remove_file(&path).unwrap();
    let n_rows: usize =
        state(&reader, section(1, 0), 0..GROUPS).iter().map(RecordBatch::num_rows).sum();
    assert_eq!(n_rows, 100_000);
    let error = SegmentReader::open_file(&path, &reference).err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Bug, "AR5301"));
}

#[test]
fn a_damaged_local_file_is_no_damaged_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let segment = encode(|writer| writer.add_state(section(1, 0), &rows(0..100_000)).unwrap());
    let n_bytes = segment.bytes.len() as u64;
    let reference = SegmentRef { path: "run".to_owned(), n_bytes, checksum: segment.checksum };
    let check = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let reader = SegmentReader::open_file(&path, &reference);
        let error = reader.and_then(|reader| reader.verify()).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Bug, "AR5301"), "{error}");
        assert!(error.to_string().contains("/run'"), "{error}");
    };
    check(&segment.bytes[..segment.bytes.len() / 2]);
    check(b"");
    let mut bytes = segment.bytes.clone();
    bytes[n_bytes as usize / 2] ^= 1;
    check(&bytes);
}

/// Opens and reads all of it; the first error.
fn read_all(bytes: &[u8], checksum: u64) -> Result<Vec<RecordBatch>> {
    let reader = open_bytes(bytes, checksum)?;
    let sections = reader.sections();
    let state = reader.read_state(sections[0], 0..GROUPS);
    state.chain(reader.read_rows(sections[1])).collect()
}

fn assert_corrupt(bytes: &[u8], checksum: u64, what: &str) {
    let error = read_all(bytes, checksum).expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
}

#[test]
fn no_broken_byte_goes_unseen() {
    let EncodedSegment { mut bytes, checksum } = encode(|writer| {
        writer.add_state(section(1, 0), &rows(0..20)).unwrap();
        writer.add_rows(section(2, 0), &every_type()).unwrap();
    });
    read_all(&bytes, checksum).unwrap();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            bytes[at] ^= flip;
            assert_corrupt(&bytes, checksum, &format!("byte {at} ^ {flip}"));
            bytes[at] ^= flip;
        }
    }
    for length in 0..bytes.len() {
        assert_corrupt(&bytes[..length], checksum, &format!("cut at {length}"));
    }
    assert_corrupt(&[bytes.as_slice(), b"\0"].concat(), checksum, "a byte more");
    assert_corrupt(&bytes, checksum ^ 1, "another segment");
}

#[test]
fn a_shorter_file_than_said_is_corrupt() {
    let segment = encode(|writer| writer.add_state(section(1, 0), &rows(0..100_000)).unwrap());
    let storage = MemoryStorage::default();
    storage.put("a", &segment.bytes[..segment.bytes.len() - 1]).unwrap();
    let n_bytes = segment.bytes.len() as u64;
    let reference = SegmentRef { path: "a".to_owned(), n_bytes, checksum: segment.checksum };
    let storage: Arc<dyn Storage> = Arc::new(storage);
    let missing = SegmentRef { path: "b".to_owned(), ..reference.clone() };
    let endless = SegmentRef { n_bytes: u64::MAX, ..reference.clone() };
    for reference in [reference, missing, endless] {
        let error = SegmentReader::open(storage.clone(), &reference).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}
