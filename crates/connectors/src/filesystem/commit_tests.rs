//! Tests of the filesystem sink under checkpoints: what is visible after which step, and what a
//! run that comes back finds.

use std::time::Duration;

use argus_base::commit::{
    CommitRecord, Committer, EpochOutput, Generation, Incarnation, Owner, Prepared,
};
use argus_base::connector::{CheckpointContext, ConnectorContext};
use argus_base::id::{CheckpointId, SubtaskIndex};
use argus_base::sink::{Delivery, Sink, SinkStatus, SinkWriter};
use argus_base::{Batch, ErrorKind};

use super::tests::{batch, json_table, names, read};
use super::*;
use crate::testing::{TestClock, TestFolder, context, write_all};

const MARKER: &str = ".argus-";

struct World {
    folder: TestFolder,
    clock: Arc<TestClock>,
    context: ConnectorContext,
    table: TableDescriptor,
}

/// One run of the job.
struct Run {
    sink: Arc<dyn Sink>,
    committer: Box<dyn Committer>,
    found: Option<CommitRecord>,
    incarnation: Incarnation,
}

impl World {
    fn new(partition_keys: &[&str], options: &[(&str, &str)]) -> World {
        let folder = TestFolder::new();
        let clock = Arc::new(TestClock::default());
        let mut context = context(&clock, &[]);
        let interval = Duration::from_secs(60);
        context.checkpoints = Some(CheckpointContext { interval, timeout: interval });
        let mut table = json_table(&folder, "out", options);
        table.partition_keys = partition_keys.iter().map(|key| (*key).to_owned()).collect();
        check(&table).unwrap();
        World { folder, clock, context, table }
    }

    fn open(&self, incarnation: u64, generation: u64) -> Result<Run> {
        let tables = [SinkTable { table: &self.table, metadata: &[], unstable_key: None }];
        let mut set = sinks(&tables, &self.context)?;
        let mut committer = set.committers.remove(0);
        assert_eq!((committer.sinks.as_slice(), committer.is_commit_point), (&[0][..], false));
        let incarnation = Incarnation::new(incarnation);
        let owner = Owner {
            job: "job".to_owned(),
            incarnation: incarnation.clone(),
            generation: Generation(generation),
        };
        let found = committer.committer.open(&owner)?;
        let (sink, committer) = (set.sinks.remove(0), committer.committer);
        Ok(Run { sink, committer, found, incarnation })
    }

    /// Names in the table's folder but that of the marker.
    fn names(&self, below: &str) -> Vec<String> {
        let all = names(&self.folder.path(&format!("out{below}")));
        all.into_iter().filter(|name| !name.starts_with(MARKER)).collect()
    }

    fn visible(&self, below: &str) -> Vec<String> {
        self.names(below).into_iter().filter(|name| !name.starts_with('.')).collect()
    }
}

impl Run {
    fn writer(&self) -> Box<dyn SinkWriter> {
        self.sink.writer(SubtaskIndex(0), 1).unwrap()
    }

    fn commit(&mut self, checkpoint: u64, outputs: &[EpochOutput]) -> Result<()> {
        let incarnation = self.incarnation.clone();
        let checkpoint = CheckpointId(checkpoint);
        let record = CommitRecord { incarnation, checkpoint, manifest_hash: "0".repeat(32) };
        self.committer.commit(&record, outputs)
    }
}

/// Writes rows and ends the epoch.
fn write_epoch(
    writer: &mut dyn SinkWriter,
    checkpoint: u64,
    batches: &[Batch],
) -> Result<Vec<EpochOutput>> {
    let wait = |writer: &mut dyn SinkWriter| -> Result<()> {
        while writer.poll()? == SinkStatus::Blocked {
            std::thread::yield_now();
        }
        Ok(())
    };
    for batch in batches {
        wait(writer)?;
        writer.write(batch.clone())?;
    }
    wait(writer)?;
    writer.flush(CheckpointId(checkpoint))?;
    loop {
        writer.poll()?;
        let Some(flushed) = writer.flushed() else {
            std::thread::yield_now();
            continue;
        };
        assert_eq!(flushed.checkpoint, CheckpointId(checkpoint));
        let output = |prepared: Prepared| EpochOutput {
            sink: 0,
            subtask: SubtaskIndex(0),
            checkpoint: flushed.checkpoint,
            prepared,
        };
        return Ok(flushed.prepared.into_iter().map(output).collect());
    }
}

fn kind(result: Result<()>) -> (ErrorKind, &'static str) {
    let error = result.unwrap_err();
    (error.kind(), error.code())
}

#[test]
fn several_inserts_to_one_table_do_not_take_each_others_names() {
    let world = World::new(&[], &[]);
    let mut run = world.open(1, 1).unwrap();
    let (mut one, mut other) = (run.writer(), run.writer());
    let mut outputs = write_epoch(one.as_mut(), 1, &[batch(&[(1, "a")])]).unwrap();
    outputs.extend(write_epoch(other.as_mut(), 1, &[batch(&[(2, "b")])]).unwrap());
    run.commit(1, &outputs).unwrap();
    assert_eq!(read(&world.table).unwrap(), ["+I[1, a]", "+I[2, b]"]);
}

#[test]
fn files_become_visible_with_their_epoch() {
    let world = World::new(&[], &[("sink.rolling-policy.file-size", "1 b")]);
    let mut run = world.open(1, 1).unwrap();
    assert_eq!((run.sink.delivery(), run.found.clone()), (Delivery::TwoPhase, None));
    let mut writer = run.writer();
    let rows = [batch(&[(1, "a")]), batch(&[(2, "b")])];
    let first = write_epoch(writer.as_mut(), 1, &rows).unwrap();
    assert_eq!(world.visible(""), [""; 0]);
    assert_eq!(world.names("").len(), 2);
    let empty = write_epoch(writer.as_mut(), 2, &[]).unwrap();
    assert!(empty.is_empty());
    let third = write_epoch(writer.as_mut(), 3, &rows[..1]).unwrap();
    run.commit(2, &first).unwrap();
    assert_eq!(world.visible(""), ["part-0000000000000001-0-1-0", "part-0000000000000001-0-1-1"]);
    run.commit(2, &first).unwrap();
    run.commit(3, &[first, third].concat()).unwrap();
    assert_eq!(read(&world.table).unwrap(), ["+I[1, a]", "+I[2, b]", "+I[1, a]"]);
    assert_eq!(world.names("").len(), 3);
    assert_eq!(world.context.metrics.sum("argus_sink_records_total", &[("sink", "t")]), 3.0);
    writer.end_input().unwrap();
    while writer.poll().unwrap() != SinkStatus::Drained {
        std::thread::yield_now();
    }
}

#[test]
fn what_a_crash_left_is_committed_or_removed() {
    let world = World::new(&["name"], &[]);
    let old = world.open(1, 1).unwrap();
    let mut writer = old.writer();
    let committed = write_epoch(writer.as_mut(), 1, &[batch(&[(1, "a"), (2, "b")])]).unwrap();
    // An epoch whose checkpoint was never heard of, and a file that nobody ended.
    write_epoch(writer.as_mut(), 2, &[batch(&[(3, "a")])]).unwrap();
    writer.write(batch(&[(4, "a")])).unwrap();
    while world.names("/name=a").len() < 3 {
        writer.poll().unwrap();
        std::thread::yield_now();
    }
    // The process is killed: nothing of it is dropped.
    std::mem::forget(writer);
    let mut run = world.open(1, 2).unwrap();
    assert_eq!(run.found, None);
    assert_eq!(world.names("/name=a").len(), 2);
    run.commit(1, &committed).unwrap();
    assert_eq!(read(&world.table).unwrap(), ["+I[1, a]", "+I[2, b]"]);
    let mut writer = run.writer();
    let next = write_epoch(writer.as_mut(), 3, &[batch(&[(5, "a")])]).unwrap();
    run.commit(3, &next).unwrap();
    assert_eq!(
        world.names("/name=a"),
        ["part-0000000000000001-0-1-0", "part-0000000000000001-0-3-0"]
    );
    // The crash came right after the commit: all of it is known.
    let mut again = world.open(1, 3).unwrap();
    assert_eq!(again.found.clone().map(|record| record.checkpoint), Some(CheckpointId(3)));
    again.commit(3, &next).unwrap();
    assert_eq!(read(&world.table).unwrap(), ["+I[1, a]", "+I[5, a]", "+I[2, b]"]);
}

#[test]
fn a_crash_between_a_file_and_the_marker_is_made_good() {
    let world = World::new(&[], &[]);
    let run = world.open(1, 1).unwrap();
    let mut writer = run.writer();
    let outputs = write_epoch(writer.as_mut(), 1, &[batch(&[(1, "a")])]).unwrap();
    let Prepared::Note(text) = &outputs[0].prepared else { panic!("a note") };
    let file = prepared::files_of(text).unwrap().remove(0);
    let place = local::LocalPlace::new(world.folder.path("out").into()).unwrap();
    place::Place::publish(&place, &file).unwrap();
    let mut again = world.open(1, 2).unwrap();
    again.commit(1, &outputs).unwrap();
    assert_eq!(read(&world.table).unwrap(), ["+I[1, a]"]);
    // Whoever takes files away may do so once the epoch is committed.
    std::fs::remove_file(world.folder.path("out/part-0000000000000001-0-1-0")).unwrap();
    again.commit(1, &outputs).unwrap();
    let mut after = world.open(1, 3).unwrap();
    after.commit(1, &outputs).unwrap();
}

#[test]
fn a_file_that_is_nowhere_is_named() {
    let world = World::new(&[], &[]);
    let mut run = world.open(1, 1).unwrap();
    let mut writer = run.writer();
    let outputs = write_epoch(writer.as_mut(), 1, &[batch(&[(1, "a")])]).unwrap();
    let hidden = world.names("").remove(0);
    std::fs::remove_file(world.folder.path(&format!("out/{hidden}"))).unwrap();
    let error = run.commit(1, &outputs).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR3406"), "{error}");
    let text = error.to_string();
    assert!(text.contains("out/part-0000000000000001-0-1-0'") && text.contains(&hidden), "{text}");
}

#[test]
fn a_former_owner_commits_nothing() {
    let world = World::new(&[], &[]);
    let mut old = world.open(1, 1).unwrap();
    let mut writer = old.writer();
    let outputs = write_epoch(writer.as_mut(), 1, &[batch(&[(1, "zombie")])]).unwrap();
    let mut new = world.open(1, 2).unwrap();
    assert_eq!(kind(old.commit(1, &outputs)), (ErrorKind::Fenced, "AR3408"));
    assert_eq!(kind(world.open(1, 1).map(drop)), (ErrorKind::Fenced, "AR3408"));
    assert_eq!(world.visible(""), [""; 0]);
    new.commit(1, &outputs).unwrap();
    assert_eq!(world.visible("").len(), 1);
    // Another life of the job, whose store counts from the beginning.
    let mut fresh = world.open(2, 1).unwrap();
    assert_eq!(fresh.found.clone().map(|record| record.checkpoint), Some(CheckpointId(1)));
    assert_eq!(kind(new.commit(2, &[])), (ErrorKind::Fenced, "AR3408"));
    let mut writer = fresh.writer();
    let outputs = write_epoch(writer.as_mut(), 1, &[batch(&[(2, "b")])]).unwrap();
    fresh.commit(1, &outputs).unwrap();
    assert_eq!(world.visible(""), ["part-0000000000000001-0-1-0", "part-0000000000000002-0-1-0"]);
}

#[test]
fn of_two_workers_one_has_the_marker() {
    let world = World::new(&[], &[]);
    let work = |generation: u64| -> Result<()> {
        let mut run = world.open(1, generation)?;
        let mut writer = run.writer();
        for checkpoint in 1..=50 {
            let rows = batch(&[(i32::try_from(generation).unwrap(), "a")]);
            let outputs = write_epoch(writer.as_mut(), checkpoint, &[rows])?;
            run.commit(checkpoint, &outputs)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let old = scope.spawn(|| work(1));
        let new = scope.spawn(|| work(2));
        // It may have been through before the new one came.
        if let Err(error) = old.join().unwrap() {
            assert_eq!((error.kind(), error.code()), (ErrorKind::Fenced, "AR3408"), "{error}");
        }
        new.join().unwrap().unwrap();
    });
    let run = world.open(1, 3).unwrap();
    assert_eq!(run.found.map(|record| record.checkpoint), Some(CheckpointId(50)));
}

#[test]
fn complete_partitions_are_told() {
    let policy = [
        ("sink.partition-commit.policy.kind", "success-file"),
        ("sink.partition-commit.delay", "1 min"),
        ("sink.partition-commit.success-file.name", "_done"),
    ];
    let world = World::new(&["name"], &policy);
    let mut run = world.open(1, 1).unwrap();
    let mut writer = run.writer();
    let outputs = write_epoch(writer.as_mut(), 1, &[batch(&[(1, "a")])]).unwrap();
    run.commit(1, &outputs).unwrap();
    world.clock.set(Duration::from_secs(30));
    let outputs = write_epoch(writer.as_mut(), 2, &[batch(&[(1, "a"), (2, "b")])]).unwrap();
    run.commit(2, &outputs).unwrap();
    let done = |partition: &str| world.visible(partition).contains(&"_done".to_owned());
    assert!(!done("/name=a") && !done("/name=b"));
    world.clock.set(Duration::from_secs(60));
    // A restart does not begin the delay anew.
    let mut run = world.open(1, 2).unwrap();
    run.commit(3, &[]).unwrap();
    assert!(done("/name=a") && !done("/name=b"));
    world.clock.set(Duration::from_secs(90));
    run.commit(4, &[]).unwrap();
    assert!(done("/name=b"));
    assert_eq!(read(&world.table).unwrap().len(), 3);
}

/// Partitions that are told to be complete an hour after their first file.
const COMPLETE_IN_AN_HOUR: [(&str, &str); 2] =
    [("sink.partition-commit.policy.kind", "success-file"), ("sink.partition-commit.delay", "1 h")];

#[test]
fn the_end_of_the_input_ends_every_delay() {
    let world = World::new(&["name"], &COMPLETE_IN_AN_HOUR);
    let mut run = world.open(1, 1).unwrap();
    let mut writer = run.writer();
    let before = write_epoch(writer.as_mut(), 1, &[batch(&[(1, "a")])]).unwrap();
    run.commit(1, &before).unwrap();
    let last = write_epoch(writer.as_mut(), 2, &[batch(&[(2, "b")])]).unwrap();
    assert_eq!(world.visible("/name=a"), ["part-0000000000000001-0-1-0"]);
    run.committer.end_input();
    // The partition's files come with the commit, and so does what tells that it is complete.
    assert_eq!(world.visible("/name=b"), [""; 0]);
    run.commit(2, &last).unwrap();
    assert_eq!(world.visible("/name=a"), ["_SUCCESS", "part-0000000000000001-0-1-0"]);
    assert_eq!(world.visible("/name=b"), ["_SUCCESS", "part-0000000000000001-0-2-1"]);
    // What was told is not told again: whoever reads the partitions may take the files away.
    std::fs::remove_file(world.folder.path("out/name=a/_SUCCESS")).unwrap();
    run.commit(2, &last).unwrap();
    let mut again = world.open(1, 2).unwrap();
    again.committer.end_input();
    again.commit(3, &[]).unwrap();
    assert_eq!(world.visible("/name=a"), ["part-0000000000000001-0-1-0"]);
}

#[test]
fn a_crash_before_the_last_partitions_are_told_is_made_good() {
    let world = World::new(&["name"], &COMPLETE_IN_AN_HOUR);
    let mut run = world.open(1, 1).unwrap();
    let mut writer = run.writer();
    let last = write_epoch(writer.as_mut(), 1, &[batch(&[(1, "a")])]).unwrap();
    run.committer.end_input();
    // The crash came before the table followed, and the run that comes back is stopped: no end.
    let mut stopped = world.open(1, 2).unwrap();
    stopped.commit(1, &last).unwrap();
    stopped.commit(2, &[]).unwrap();
    assert_eq!(world.visible("/name=a"), ["part-0000000000000001-0-1-0"]);
    let mut again = world.open(1, 3).unwrap();
    again.committer.end_input();
    again.commit(3, &[]).unwrap();
    assert_eq!(world.visible("/name=a"), ["_SUCCESS", "part-0000000000000001-0-1-0"]);
}

#[test]
fn a_partition_that_was_taken_away_needs_not_be_told() {
    let world = World::new(&["name"], &COMPLETE_IN_AN_HOUR);
    let mut run = world.open(1, 1).unwrap();
    let mut writer = run.writer();
    let rows = batch(&[(1, "a"), (2, "b")]);
    let outputs = write_epoch(writer.as_mut(), 1, &[rows]).unwrap();
    run.commit(1, &outputs).unwrap();
    std::fs::remove_dir_all(world.folder.path("out/name=a")).unwrap();
    world.clock.set(Duration::from_secs(3600));
    run.commit(2, &[]).unwrap();
    assert!(!std::path::Path::new(&world.folder.path("out/name=a")).exists());
    assert!(world.visible("/name=b").contains(&"_SUCCESS".to_owned()));
    run.commit(3, &[]).unwrap();
}

#[test]
fn without_checkpoints_the_last_writer_tells_it() {
    let policy = [("sink.partition-commit.policy.kind", "success-file")];
    let mut world = World::new(&["name"], &policy);
    world.context.checkpoints = None;
    let tables = [SinkTable { table: &world.table, metadata: &[], unstable_key: None }];
    let set = sinks(&tables, &world.context).unwrap();
    assert_eq!((set.committers.len(), set.sinks[0].delivery()), (0, Delivery::AtLeastOnce));
    // The second is of another INSERT, or another subtask.
    let mut writers: Vec<_> =
        (0..2).map(|subtask| set.sinks[0].writer(SubtaskIndex(subtask), 1).unwrap()).collect();
    write_all(writers[0].as_mut(), vec![batch(&[(1, "a")])]).unwrap();
    assert_eq!(world.visible("/name=a"), ["part-0-0"]);
    write_all(writers[1].as_mut(), vec![batch(&[(1, "b")])]).unwrap();
    assert_eq!(world.visible("/name=a"), ["_SUCCESS", "part-0-0"]);
    assert_eq!(world.visible("/name=b"), ["_SUCCESS", "part-1-0"]);
}

#[test]
fn a_damaged_marker_is_named() {
    let world = World::new(&[], &[]);
    world.open(1, 1).unwrap();
    let folder = names(&world.folder.path("out")).remove(0);
    assert!(folder.starts_with(MARKER), "{folder}");
    let marker = format!("{folder}/1");
    world.folder.write(&format!("out/{marker}"), "{\"incarnation\": 1}");
    let error = world.open(1, 2).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "AR3407"), "{error}");
    assert!(error.to_string().contains(&marker), "{error}");
}

#[test]
fn options_that_do_not_run_yet_exit_with_3() {
    for (key, value) in [
        ("auto-compaction", "true"),
        ("compaction.file-size", "1 mb"),
        ("sink.partition-commit.policy.kind", "custom"),
    ] {
        let folder = TestFolder::new();
        let refused = check(&json_table(&folder, "out", &[(key, value)])).unwrap_err();
        assert!(matches!(&refused, OptionError::NotYet { key: of, .. } if of == key), "{refused}");
    }
}
