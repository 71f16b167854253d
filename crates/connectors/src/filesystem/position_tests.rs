//! Where readers say that they are, and where others go on.

use std::sync::Arc;

use argus_base::TypeRoot;
use argus_base::connector::Projection;

use super::*;
use crate::testing::{TestClock, TestFolder, context, table};

fn open_folder(folder: &TestFolder) -> Arc<dyn Source> {
    let path = folder.path("t");
    let options = [("connector", "filesystem"), ("format", "json"), ("path", path.as_str())];
    let table = table(&[("id", TypeRoot::Int)], &options);
    let scan = ScanSpec { physical: Projection::all(1), metadata: Vec::new() };
    crate::filesystem::source(&table, &scan, &context(&Arc::new(TestClock::default()), &[]))
        .unwrap()
}

fn readers(
    source: &Arc<dyn Source>,
    parallelism: usize,
    positions: &[SplitPosition],
) -> Vec<Box<dyn SourceReader>> {
    let reader = |subtask| source.reader(SubtaskIndex(subtask), parallelism, positions).unwrap();
    (0..parallelism).map(reader).collect()
}

/// Reads batches of at most one row until one has come; the number of its rows, or `None` at the
/// end.
fn next(reader: &mut dyn SourceReader) -> Option<usize> {
    loop {
        match reader.poll(1, &[]).unwrap() {
            SourcePoll::Batch(batch) => return Some(batch.records.num_rows()),
            SourcePoll::End => return None,
            _ => std::thread::yield_now(),
        }
    }
}

fn rest(reader: &mut dyn SourceReader) -> usize {
    std::iter::from_fn(|| next(reader)).sum()
}

fn positions(readers: &[Box<dyn SourceReader>]) -> Vec<SplitPosition> {
    readers.iter().flat_map(|reader| reader.positions()).collect()
}

#[test]
fn a_reader_that_takes_a_file_over_moves_it_on() {
    let folder = TestFolder::new();
    for file in ["t/a.json", "t/b.json", "t/c.json"] {
        folder.write(file, "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n");
    }
    let source = open_folder(&folder);
    let mut one = readers(&source, 1, &[]);
    assert_eq!((next(one[0].as_mut()), next(one[0].as_mut())), (Some(1), Some(1)));
    let mut three = readers(&source, 3, &positions(&one));
    assert_eq!(rest(three[0].as_mut()), 1, "the third row of a.json");
    assert_eq!(next(three[1].as_mut()), Some(1), "the first row of b.json");
    let mut two = readers(&source, 2, &positions(&three));
    let left: usize = two.iter_mut().map(|reader| rest(reader.as_mut())).sum();
    assert_eq!(left, 2 + 3, "of b.json and c.json");
    let mut again = readers(&source, 1, &positions(&two));
    assert_eq!(rest(again[0].as_mut()), 0);
}

#[test]
fn no_position_lies_within_a_message() {
    let folder = TestFolder::new();
    folder.write("t/a.json", "{\"id\": 1}\n[{\"id\": 2}, {\"id\": 3}]\n\n{\"id\": 4}\n");
    let source = open_folder(&folder);
    let mut n_read = 0;
    let mut reader = readers(&source, 1, &[]);
    while let Some(n_rows) = next(reader[0].as_mut()) {
        n_read += n_rows;
        let mut other = readers(&source, 1, &positions(&reader));
        assert_eq!(rest(other[0].as_mut()), 4 - n_read);
    }
    assert_eq!(n_read, 4);
}
