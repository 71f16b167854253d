//! Tests of the filesystem connector on folders of their own.

use argus_base::connector::{MetadataColumn, Projection};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::source::SourcePoll;
use argus_base::{Batch, Field};
use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringViewArray};

use super::*;
use crate::testing::{TestClock, TestFolder, context, read_all, table, write_all};

pub(super) fn json_table(
    folder: &TestFolder,
    path: &str,
    more: &[(&str, &str)],
) -> TableDescriptor {
    let path = folder.path(path);
    let mut options =
        vec![("connector", "filesystem"), ("format", "json"), ("path", path.as_str())];
    options.extend(more);
    table(&[("id", TypeRoot::Int), ("name", TypeRoot::STRING)], &options)
}

fn open(table: &TableDescriptor) -> Result<Arc<dyn Source>> {
    check(table).map_err(|error| unchecked(table, &error))?;
    let scan = ScanSpec {
        physical: Projection::all(table.physical.len()),
        metadata: (0..table.metadata.len()).collect(),
    };
    source(table, &scan, &context(&Arc::new(TestClock::default()), &[]))
}

pub(super) fn read(table: &TableDescriptor) -> Result<Vec<String>> {
    let source = open(table)?;
    let mut fields = table.physical.clone();
    for column in &table.metadata {
        fields.push(Field::new(&column.key, column.logical_type.clone()));
    }
    let mut reader = source.reader(SubtaskIndex(0), 1, &[])?;
    read_all(reader.as_mut(), &fields, 2)
}

fn refused(table: &TableDescriptor) -> String {
    read(table).unwrap_err().to_string()
}

#[test]
fn reads_a_file_and_a_folder_but_nothing_hidden() {
    let folder = TestFolder::new();
    folder.write("a/1.json", "{\"id\": 1, \"name\": \"x\"}\n{\"id\": 2}\n");
    folder.write("a/deep/2.json", "{\"id\": 3}");
    folder.write("a/_SUCCESS", "{\"id\": 4}");
    folder.write("a/.part.inprogress", "{\"id\": 5}");
    folder.write("b/3.json", "{\"id\": 6}");
    assert_eq!(read(&json_table(&folder, "b/3.json", &[])).unwrap(), ["+I[6, null]"]);
    let all = read(&json_table(&folder, "a", &[])).unwrap();
    assert_eq!(all, ["+I[1, x]", "+I[2, null]", "+I[3, null]"]);
    let found = read(&json_table(&folder, "*/[0-9].json", &[])).unwrap();
    assert_eq!(found, ["+I[1, x]", "+I[2, null]", "+I[6, null]"]);
    let pattern = [("source.path.regex-pattern", ".*/deep/.*")];
    assert_eq!(read(&json_table(&folder, "a", &pattern)).unwrap(), ["+I[3, null]"]);
}

#[test]
fn says_what_is_not_there_and_what_is_wrong() {
    let folder = TestFolder::new();
    let missing = refused(&json_table(&folder, "none", &[]));
    assert!(
        missing.contains("there is no file or folder") && missing.contains("none"),
        "{missing}"
    );
    assert!(refused(&json_table(&folder, "*.json", &[])).contains("no file matches"));
    folder.write("bad.json", "{\"id\": 1}\n{\"id\": \n");
    let bad = refused(&json_table(&folder, "bad.json", &[]));
    assert!(bad.contains("bad.json': record 2"), "{bad}");
    folder.write("x.json.gz", "");
    assert!(refused(&json_table(&folder, "x.json.gz", &[])).contains("compressed files"));
    let mut remote = json_table(&folder, "x", &[]);
    remote.options.insert("path".to_owned(), "hdfs://host/x".to_owned());
    assert!(check(&remote).unwrap_err().to_string().contains("scheme 'hdfs'"));
    remote.options.insert("path".to_owned(), "s3://bucket/x".to_owned());
    assert!(refused(&remote).contains("s3:// for writing"));
}

#[test]
fn partitions_and_metadata_are_columns() {
    let folder = TestFolder::new();
    folder.write("t/name=a%3Ab/1.json", "{\"id\": 1}");
    folder.write("t/name=__DEFAULT_PARTITION__/2.json", "{\"id\": 2}");
    let mut table = json_table(&folder, "t", &[]);
    table.partition_keys = vec!["name".to_owned()];
    let file_name = spec().metadata[1].logical_type.clone();
    table.metadata = vec![MetadataColumn { key: "file.name".to_owned(), logical_type: file_name }];
    assert_eq!(read(&table).unwrap(), ["+I[2, null, 2.json]", "+I[1, a:b, 1.json]"]);
}

#[test]
fn goes_on_where_a_checkpoint_was() {
    let folder = TestFolder::new();
    folder.write("1.json", "{\"id\": 1}\n");
    folder.write("2.json", "{\"id\": 2}\n{\"id\": 3}\n{\"id\": 4}\n");
    let table = json_table(&folder, "", &[]);
    let source = open(&table).unwrap();
    let mut reader = source.reader(SubtaskIndex(0), 1, &[]).unwrap();
    let mut n_rows = 0;
    while n_rows < 3 {
        if let SourcePoll::Batch(batch) = reader.poll(1, &[]).unwrap() {
            n_rows += batch.records.num_rows();
        }
    }
    let positions = reader.positions();
    let texts: Vec<&str> = positions.iter().map(|split| split.position.as_str()).collect();
    assert_eq!(texts, ["end", "2"]);
    let mut rest = Vec::new();
    for subtask in 0..2 {
        let mut reader = source.reader(SubtaskIndex(subtask), 2, &positions).unwrap();
        rest.extend(read_all(reader.as_mut(), &table.physical, 9).unwrap());
    }
    assert_eq!(rest, ["+I[4, null]"]);
}

#[test]
fn a_monitored_folder_never_ends_and_reads_each_file_once() {
    let folder = TestFolder::new();
    folder.write("t/1.json", "{\"id\": 1}\n");
    let table = json_table(&folder, "t", &[("source.monitor-interval", "10 ms")]);
    let source = open(&table).unwrap();
    assert!(!source.is_bounded());
    let mut reader = source.reader(SubtaskIndex(0), 1, &[]).unwrap();
    let mut next = || loop {
        if let SourcePoll::Batch(batch) = reader.poll(9, &[]).unwrap() {
            return crate::testing::rows(&table.physical, &batch.records);
        }
        std::thread::yield_now();
    };
    assert_eq!(next(), ["+I[1, null]"]);
    folder.write("t/2.json", "{\"id\": 2}\n");
    assert_eq!(next(), ["+I[2, null]"]);
}

pub(super) fn batch(rows: &[(i32, &str)]) -> Batch {
    let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.0)));
    let names = rows.iter().map(|row| (!row.1.is_empty()).then_some(row.1));
    let names: ArrayRef = Arc::new(names.collect::<StringViewArray>());
    Batch::inserts(RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap())
}

fn write(table: &TableDescriptor, batches: Vec<Batch>) -> Result<()> {
    let tables = [SinkTable { table, metadata: &[], unstable_key: None }];
    let set = sinks(&tables, &context(&Arc::new(TestClock::default()), &[]))?;
    let mut writer = set.sinks[0].writer(SubtaskIndex(0), 1)?;
    write_all(writer.as_mut(), batches)
}

pub(super) fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_can_be_read_and_never_replaces_a_file() {
    let folder = TestFolder::new();
    let table = json_table(&folder, "out", &[("sink.rolling-policy.file-size", "1 b")]);
    write(&table, vec![batch(&[(1, "a"), (2, "")]), batch(&[(3, "c")])]).unwrap();
    write(&table, vec![batch(&[(4, "d")])]).unwrap();
    assert_eq!(names(&folder.path("out")), ["part-0-0", "part-0-1", "part-0-2"]);
    let all = read(&table).unwrap();
    assert_eq!(all, ["+I[1, a]", "+I[2, null]", "+I[3, c]", "+I[4, d]"]);
}

#[test]
fn partitions_are_folders() {
    let folder = TestFolder::new();
    let mut table = json_table(&folder, "out", &[]);
    table.partition_keys = vec!["name".to_owned()];
    write(&table, vec![batch(&[(1, "a/b"), (2, ""), (3, "a/b")])]).unwrap();
    assert_eq!(names(&folder.path("out")), ["name=__DEFAULT_PARTITION__", "name=a%2Fb"]);
    let text = std::fs::read_to_string(folder.path("out/name=a%2Fb/part-0-0")).unwrap();
    assert_eq!(text, "{\"id\":1}\n{\"id\":3}\n");
}

#[test]
fn nothing_is_visible_before_the_end() {
    let folder = TestFolder::new();
    let table = json_table(&folder, "out", &[]);
    let tables = [SinkTable { table: &table, metadata: &[], unstable_key: None }];
    let set = sinks(&tables, &context(&Arc::new(TestClock::default()), &[])).unwrap();
    let mut writer = set.sinks[0].writer(SubtaskIndex(0), 1).unwrap();
    writer.write(batch(&[(1, "a")])).unwrap();
    writer.flush(CheckpointId(1)).unwrap();
    while writer.flushed().is_none() {
        std::thread::yield_now();
    }
    let hidden = names(&folder.path("out"));
    assert!(hidden.len() == 1 && hidden[0].starts_with(".part-0.inprogress-"), "{hidden:?}");
    drop(writer);
    while !names(&folder.path("out")).is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = TestFolder::new();
    folder.write("out", "");
    let error = write(&json_table(&folder, "out", &[]), Vec::new()).unwrap_err().to_string();
    assert!(error.contains("is a file; a sink writes into a folder"), "{error}");
    let error = write(&json_table(&folder, "out/below", &[]), Vec::new()).unwrap_err().to_string();
    assert!(error.contains("cannot make the folder"), "{error}");
}
