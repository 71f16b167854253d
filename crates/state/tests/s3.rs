//! The checkpoint store in a real S3 server.

mod common;
#[path = "../src/storage/testing.rs"]
mod contract;

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_base::commit::{CommitRecord, Generation, Incarnation};
use argus_base::id::{CheckpointId, OperatorId, SubtaskIndex};
use argus_base::{Env, ErrorKind};
use argus_state::epoch_log::EpochLog;
use argus_state::segment::{SectionId, SegmentReader, SegmentRef, SegmentWriter};
use argus_state::storage::{self, Storage};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};

use crate::common::{Server, shared};

fn open_with(
    job: &str,
    settings: &BTreeMap<String, String>,
) -> argus_base::Result<Arc<dyn Storage>> {
    storage::open("s3://argus/some/prefix/", job, settings, &Env::system())
}

fn open(job: &str) -> Arc<dyn Storage> {
    open_with(job, &shared().settings()).unwrap()
}

#[test]
fn keeps_the_contract() {
    contract::check_contract(open("contract").as_ref());
}

#[test]
fn jobs_of_any_name_keep_apart() {
    let names = ["a", "a/b", "a b%+é=\"", ".a", "", "A"];
    for name in names {
        open(name).put("segment/1", name.as_bytes()).unwrap();
    }
    for name in names {
        let storage = open(name);
        assert_eq!(storage.get("segment/1").unwrap().unwrap(), name.as_bytes(), "{name}");
        assert_eq!(storage.list("").unwrap().len(), 1, "{name}");
    }
}

#[test]
fn large_objects_go_in_parts() {
    let storage = open("large");
    let bytes: Vec<u8> = (0..70_u32 << 18).flat_map(u32::to_le_bytes).collect();
    storage.put("segment/1", &bytes).unwrap();
    assert_eq!(storage.list("segment/").unwrap()[0].n_bytes, 70 << 20);
    let middle = (32 << 20)..(32 << 20) + 1_000;
    let part = storage.get_range("segment/1", middle.start as u64..middle.end as u64).unwrap();
    assert_eq!(part.unwrap(), &bytes[middle]);
    assert!(storage.get("segment/1").unwrap().unwrap() == bytes);
}

#[test]
fn long_listings_are_whole() {
    let storage = open("long");
    for i in 0..1_010 {
        storage.put(&format!("manifest/{i:05}"), b"").unwrap();
    }
    let paths: Vec<String> =
        storage.list("manifest/").unwrap().into_iter().map(|object| object.path).collect();
    assert_eq!(paths.len(), 1_010);
    assert!(paths.is_sorted());
}

#[test]
fn what_the_user_must_change_is_told() {
    let check = |dir: &str, name: &str, value: &str| {
        let mut settings = shared().settings();
        settings.insert(name.to_owned(), value.to_owned());
        let error = storage::open(dir, "job", &settings, &Env::system()).err().unwrap();
        assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR5102"), "{error}");
    };
    check("s3://argus/a", "s3.secret-key", "wrong");
    check("s3://argus/a", "s3.access-key", "wrong");
    check("s3://no-such-bucket/a", "s3.region", "us-east-1");
    let encrypted = shared().variable("ENDPOINT").replace("http:", "https:");
    check("s3://argus/a", "s3.endpoint", &encrypted);
}

#[test]
fn an_outage_is_waited_for() {
    let server = Server::start();
    let storage = open_with("outage", &server.settings()).unwrap();
    storage.put("segment/1", b"before").unwrap();
    server.kill();
    let errors = [
        storage.put("segment/2", b"").unwrap_err(),
        storage.put_if_absent("epoch/1", b"").unwrap_err(),
        storage.get("segment/1").unwrap_err(),
        storage.list("").unwrap_err(),
        storage.delete("segment/1").unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Transient, "AR5101"), "{error}");
    }
    server.come_back();
    assert_eq!(storage.get("segment/1").unwrap().unwrap(), b"before");
    storage.put("segment/2", b"after").unwrap();
}

#[test]
fn one_worker_owns_the_job() {
    let commit = |checkpoint| CommitRecord {
        incarnation: Incarnation::new(1),
        checkpoint: CheckpointId(checkpoint),
        manifest_hash: "00".repeat(16),
    };
    let (mut first, _) = EpochLog::take_over(open("epochs"), 1).unwrap();
    for checkpoint in 1..20 {
        first.commit(&commit(checkpoint)).unwrap();
    }
    let (mut second, found) = EpochLog::take_over(open("epochs"), 2).unwrap();
    assert_eq!((found.generation, found.committed), (Generation(2), Some(commit(19))));
    assert_eq!(first.commit(&commit(20)).unwrap_err().kind(), ErrorKind::Fenced);
    second.commit(&commit(20)).unwrap();
    assert_eq!(open("epochs").list("epoch/").unwrap().len(), 8);
}

#[test]
fn segments_are_read_in_parts() {
    let storage = open("segments");
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000_000));
    let rows = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let section = SectionId { operator: OperatorId(1), subtask: SubtaskIndex(0) };
    let mut writer = SegmentWriter::new(128);
    writer.add_rows(section, &rows).unwrap();
    let segment = writer.finish().unwrap();
    let path = SegmentRef::path(CheckpointId(1), Generation(1), 0);
    storage.put(&path, &segment.bytes).unwrap();
    let n_bytes = segment.bytes.len() as u64;
    let segment = SegmentRef { path, n_bytes, checksum: segment.checksum };
    let reader = SegmentReader::open(storage, &segment).unwrap();
    let n_rows: usize = reader.read_rows(section).map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(n_rows, 1_000_000);
}
