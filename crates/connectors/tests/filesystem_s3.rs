//! The filesystem sink on a real S3 server: files that nobody sees before their commit, outages,
//! and what a run that comes back finds.

#[path = "../../state/tests/common/mod.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::{
    CommitRecord, Committer, EpochOutput, Generation, Incarnation, Owner, Prepared,
};
use argus_base::connector::{
    CheckpointContext, ConnectorCatalog, ConnectorContext, ConnectorFactory, OnError, SinkTable,
    TableDescriptor,
};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Delivery, Sink, SinkStatus, SinkWriter};
use argus_base::{Batch, Env, ErrorKind, Field, Result, TypeRoot};
use argus_connectors::registry::Connectors;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use server::{Server, shared};

/// One run of a job that writes below `s3://argus/<prefix>`.
struct Run {
    sink: Arc<dyn Sink>,
    committer: Option<Box<dyn Committer>>,
    found: Option<CommitRecord>,
}

fn context(server: &Server) -> ConnectorContext {
    let interval = Duration::from_secs(60);
    ConnectorContext {
        env: Env::system(),
        job_name: "job".to_owned(),
        time_zone: "UTC".to_owned(),
        connect_timeout: Duration::from_secs(5),
        on_source_error: OnError::Fail,
        on_sink_error: OnError::Fail,
        settings: server.settings(),
        metrics: argus_base::metrics::Registry::default(),
        checkpoints: Some(CheckpointContext { interval, timeout: interval }),
        is_restart: false,
    }
}

/// A table `(id BIGINT, name STRING)` of CSV files, partitioned by `name`.
fn table(path: &str) -> TableDescriptor {
    let options = [
        ("connector", "filesystem"),
        ("path", path),
        ("format", "csv"),
        ("sink.partition-commit.policy.kind", "success-file"),
    ];
    let field = |name: &str, root: TypeRoot| Field::new(name, root.nullable());
    TableDescriptor {
        name: "t".to_owned(),
        options: options.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        physical: vec![field("id", TypeRoot::BigInt), field("name", TypeRoot::STRING)],
        metadata: Vec::new(),
        primary_key: Vec::new(),
        partition_keys: vec!["name".to_owned()],
    }
}

fn batch(ids: std::ops::Range<i64>, name: &str) -> Batch {
    let names = ids.clone().map(|_| name);
    let names: ArrayRef = Arc::new(StringViewArray::from_iter_values(names));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    Batch::inserts(RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap())
}

impl Run {
    fn open(path: &str, context: &ConnectorContext, generation: u64) -> Result<Run> {
        let table = table(path);
        let connectors = Connectors::new();
        connectors.check_table(&table).expect("a good table");
        let tables = [SinkTable { table: &table, metadata: &[], unstable_key: None }];
        let mut set = connectors.sinks(&tables, context)?;
        let sink = set.sinks.remove(0);
        let Some(opened) = set.committers.pop() else {
            return Ok(Run { sink, committer: None, found: None });
        };
        let mut committer = opened.committer;
        let incarnation = Incarnation::new(1);
        let generation = Generation(generation);
        let found = committer.open(&Owner { job: "job".to_owned(), incarnation, generation })?;
        Ok(Run { sink, committer: Some(committer), found })
    }

    fn writer(&self) -> Box<dyn SinkWriter> {
        self.sink.writer(SubtaskIndex(0), 1).unwrap()
    }

    fn commit(&mut self, checkpoint: u64, outputs: &[EpochOutput]) -> Result<()> {
        let record = CommitRecord {
            incarnation: Incarnation::new(1),
            checkpoint: CheckpointId(checkpoint),
            manifest_hash: "0".repeat(32),
        };
        self.committer.as_mut().expect("a committer").commit(&record, outputs)
    }
}

fn write(writer: &mut dyn SinkWriter, batch: Batch) -> Result<()> {
    while writer.poll()? == SinkStatus::Blocked {
        Env::system().sleep(Duration::from_millis(1));
    }
    writer.write(batch)
}

fn end_epoch(writer: &mut dyn SinkWriter, checkpoint: u64) -> Result<Vec<EpochOutput>> {
    writer.flush(CheckpointId(checkpoint))?;
    loop {
        writer.poll()?;
        let Some(flushed) = writer.flushed() else {
            Env::system().sleep(Duration::from_millis(1));
            continue;
        };
        let output = |prepared: Prepared| EpochOutput {
            sink: 0,
            subtask: SubtaskIndex(0),
            checkpoint: flushed.checkpoint,
            prepared,
        };
        return Ok(flushed.prepared.into_iter().map(output).collect());
    }
}

/// Where the server keeps the objects below a prefix.
fn folder(server: &Server, prefix: &str) -> PathBuf {
    Path::new(server.variable("DIR")).join("data/s3/argus").join(prefix)
}

/// The objects of a partition whose names begin so, with their contents.
fn objects(server: &Server, partition: &str, start: &str) -> Vec<(PathBuf, String)> {
    let Ok(entries) = std::fs::read_dir(folder(server, partition)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(start);
    let read = |path: PathBuf| (path.clone(), std::fs::read_to_string(path).unwrap());
    paths.filter(named).map(read).collect()
}

fn contents(server: &Server, partition: &str) -> Vec<String> {
    objects(server, partition, "part-").into_iter().map(|(_, text)| text).collect()
}

/// Where the server keeps what it knows of the objects below a prefix besides their bytes.
fn attributes(server: &Server, prefix: &str) -> PathBuf {
    Path::new(server.variable("DIR")).join("data/attributes/argus").join(prefix)
}

/// Removes the folders that say what is committed.
fn forget_commits(server: &Server, prefix: &str) {
    let entries = std::fs::read_dir(folder(server, prefix)).unwrap();
    for name in entries.map(|entry| entry.unwrap().file_name()) {
        if name.to_string_lossy().ends_with(".marker") {
            std::fs::remove_dir_all(folder(server, prefix).join(&name)).unwrap();
            std::fs::remove_dir_all(attributes(server, prefix).join(&name)).unwrap();
        }
    }
}

#[test]
fn files_become_visible_with_their_epoch() {
    let server = shared();
    let context = context(server);
    let open = |generation| Run::open("s3a://argus/once/", &context, generation);
    let mut run = open(1).unwrap();
    assert_eq!((run.sink.delivery(), run.found.clone()), (Delivery::TwoPhase, None));
    let mut writer = run.writer();
    write(writer.as_mut(), batch(0..2, "a/b ü%")).unwrap();
    let first = end_epoch(writer.as_mut(), 1).unwrap();
    let partition = "once/name=a%2Fb ü%25";
    assert!(contents(server, partition).is_empty());
    run.commit(1, &first).unwrap();
    run.commit(1, &first).unwrap();
    assert_eq!(contents(server, partition), ["0\n1\n"]);
    assert_eq!(objects(server, partition, "_SUCCESS").len(), 1);
    // A crash between the file and the marker: the upload is gone, the file is there.
    forget_commits(server, "once");
    let mut again = open(2).unwrap();
    assert_eq!(again.found, None);
    again.commit(1, &first).unwrap();
    assert_eq!(open(3).unwrap().found.map(|record| record.checkpoint), Some(CheckpointId(1)));
    assert_eq!(contents(server, partition), ["0\n1\n"]);
    assert_eq!(run.commit(2, &[]).unwrap_err().kind(), ErrorKind::Fenced);
    // A file that is lost is told.
    forget_commits(server, "once");
    std::fs::remove_file(objects(server, partition, "part-").remove(0).0).unwrap();
    std::fs::remove_dir_all(attributes(server, "once")).unwrap();
    let error = open(4).unwrap().commit(1, &first).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR3406"), "{error}");
}

#[test]
fn large_files_go_in_parts_and_a_dropped_one_ends() {
    let server = shared();
    let context = context(server);
    let mut run = Run::open("s3://argus/large", &context, 1).unwrap();
    let mut writer = run.writer();
    let uploads = || {
        let folder = folder(server, ".sgwtmp/multipart");
        std::fs::read_dir(folder).map_or(0, |entries| entries.count())
    };
    // 24 MB, of which 16 go before the end.
    let clock = Env::system();
    for i in 0..40_i64 {
        let start = 10_000_000_000_000 + i * 40_000;
        write(writer.as_mut(), batch(start..start + 40_000, "x")).unwrap();
    }
    let outputs = end_epoch(writer.as_mut(), 1).unwrap();
    println!("24 MB uploaded in {:?}", clock.elapsed());
    let Prepared::Note(note) = &outputs[0].prepared else { panic!("a note") };
    assert_eq!(note.matches("\\\"").count(), 2 * 3, "three parts: {note}");
    run.commit(1, &outputs).unwrap();
    let text = contents(server, "large/name=x").remove(0);
    assert_eq!(text.lines().count(), 1_600_000);
    assert!(text.ends_with("10000001599999\n"));
    let n_before = uploads();
    for i in 0..20_i64 {
        let start = 10_000_000_000_000 + i * 40_000;
        write(writer.as_mut(), batch(start..start + 40_000, "x")).unwrap();
    }
    while uploads() == n_before {
        writer.poll().unwrap();
        clock.sleep(Duration::from_millis(5));
    }
    drop(writer);
    while uploads() > n_before {
        assert!(clock.elapsed() < Duration::from_secs(60), "the upload never ends");
        clock.sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_outage_is_waited_for() {
    let server = Server::start();
    let context = context(&server);
    let mut run = Run::open("s3://argus/outage", &context, 1).unwrap();
    let mut writer = run.writer();
    write(writer.as_mut(), batch(0..3, "x")).unwrap();
    server.kill();
    writer.flush(CheckpointId(1)).unwrap();
    let clock = Env::system();
    while writer.is_ready() {
        writer.poll().unwrap();
        clock.sleep(Duration::from_millis(5));
    }
    server.come_back();
    let outputs = end_epoch(writer.as_mut(), 2).unwrap();
    assert!(!outputs.is_empty(), "the first epoch's file");
    server.kill();
    let error = run.commit(2, &outputs).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Transient, "AR3409"), "{error}");
    server.come_back();
    run.commit(2, &outputs).unwrap();
    assert_eq!(contents(&server, "outage/name=x"), ["0\n1\n2\n"]);
}

#[test]
fn what_is_wrong_is_told_at_once() {
    let server = shared();
    let refused = |path: &str, context: &ConnectorContext| {
        let error = Run::open(path, context, 1).err().expect("it is refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR3410"), "{error}");
    };
    refused("s3://nowhere/x", &context(server));
    let mut guest = context(server);
    guest.settings.insert("s3.secret-key".to_owned(), "wrong".to_owned());
    refused("s3://argus/x", &guest);
    guest.settings.insert("s3.endpoint".to_owned(), "ftp://x".to_owned());
    refused("s3://argus/x", &guest);
}

#[test]
fn without_checkpoints_files_are_visible_at_the_end() {
    let server = shared();
    let mut context = context(server);
    context.checkpoints = None;
    let run = Run::open("s3://argus/bounded", &context, 1).unwrap();
    let mut writer = run.writer();
    write(writer.as_mut(), batch(0..3, "x")).unwrap();
    assert!(contents(server, "bounded/name=x").is_empty());
    writer.end_input().unwrap();
    while writer.poll().unwrap() != SinkStatus::Drained {
        Env::system().sleep(Duration::from_millis(1));
    }
    assert_eq!(contents(server, "bounded/name=x"), ["0\n1\n2\n"]);
    assert_eq!(objects(server, "bounded/name=x", "_SUCCESS").len(), 1);
}
