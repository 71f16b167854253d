//! Shares of memory, and runs as files.

use std::path::Path;

use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, Field, Schema};

use super::*;
use crate::KeyTable;
use crate::rows::{row_schema, slice_rows};

fn limit(folder: &Path) -> MemoryLimit {
    MemoryLimit::for_process(1_000, SpillFolder::make(folder, 7).unwrap())
}

fn context(folder: &Path) -> StateContext {
    StateContext {
        operator: OperatorId(7),
        subtask: SubtaskIndex(1),
        max_parallelism: 16,
        is_tracked: true,
        memory: Some(Arc::new(limit(folder))),
    }
}

#[test]
fn a_store_is_full_above_its_share_when_all_together_hold_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Arc::new(limit(folder.path()));
    assert_eq!(limit.max_bytes, 450);
    let mut large = MemoryShare::new(Arc::clone(&limit));
    let mut small = MemoryShare::new(Arc::clone(&limit));
    large.set(400);
    assert!(!large.is_full(0));
    assert!(large.is_full(51));
    small.set(100);
    assert!(!small.is_full(0));
    assert!(large.is_full(0));
    drop(small);
    assert!(!large.is_full(0));
    drop(large);
    assert_eq!(limit.used_bytes.load(Ordering::Relaxed), 0);
    assert_eq!(limit.n_stores.load(Ordering::Relaxed), 0);
}

fn spill_folder(context: &StateContext) -> &Path {
    context.memory.as_ref().unwrap().folder.path()
}

/// Rows of state with keys `0..n_keys`, in order of their key groups, as `Sealed` would have them.
fn rows(slice: SliceKey, n_keys: u64) -> RecordBatch {
    let mut table = KeyTable::default();
    (0..n_keys).for_each(|key| {
        table.find_or_insert(&key.to_le_bytes());
    });
    let grouped = table.grouped(16);
    let keys = Schema::new(vec![Field::new("k", DataType::Int64, false)]);
    let schema = row_schema(&keys, vec![Field::new("n.0", DataType::Int64, true)]).unwrap();
    let numbers = grouped.all().iter().map(|slot| i64::from(*slot));
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    slice_rows(&schema, slice, table.keys(grouped.all()), vec![column]).unwrap()
}

#[test]
fn runs_are_files_that_live_as_long_as_a_slice_needs_them() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let slices = [SliceKey { end: 10, start: 0 }, SliceKey { end: 20, start: 10 }];
    let mut writer = RunWriter::new(&context, Pass::next(0));
    for slice in slices {
        writer.add(slice, &rows(slice, 100), 1_000).unwrap();
    }
    let mut runs = writer.finish().unwrap();
    assert_eq!(runs.iter().map(|(slice, _)| *slice).collect::<Vec<_>>(), slices);
    assert!(runs[0].1.is_same(&runs[1].1));
    let files = || fs::read_dir(spill_folder(&context)).unwrap().count();
    assert_eq!(files(), 1);

    let reader = runs[0].1.open().unwrap();
    let read = reader.read_state(context.section(), 0..16);
    assert_eq!(read.map(|rows| rows.unwrap().num_rows()).sum::<usize>(), 200);
    assert!(reader.size(context.section(), 0..16).0 == 200);

    runs.pop();
    assert_eq!(files(), 1);
    runs.pop();
    assert_eq!(files(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_a_transient_error() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    fs::remove_dir(spill_folder(&context)).unwrap();
    fs::write(spill_folder(&context), "a file in the way").unwrap();
    let slice = SliceKey { end: 10, start: 0 };
    let mut writer = RunWriter::new(&context, Pass::next(0));
    writer.add(slice, &rows(slice, 10), 1_000).unwrap();
    let error = writer.finish().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Transient);
}

#[test]
fn the_folder_stays_for_runs_that_have_not_reached_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    let path = spill_folder(&context).to_owned();
    let slice = SliceKey { end: 10, start: 0 };
    let mut writer = RunWriter::new(&context, Pass::next(0));
    writer.add(slice, &rows(slice, 10), 1_000).unwrap();
    let runs = writer.finish().unwrap();
    drop(context);
    let Run::Spilled(run) = &runs[0].1.run else { panic!("a run of this process") };
    assert!(!run.encode().unwrap().bytes.is_empty());
    fs::remove_file(&run.path).unwrap();
    let error = run.encode().err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Bug, "AR5301"));
    drop(runs);
    assert!(!path.exists());
}
