//! Exactly-once against a real broker: what is visible when, what a crash leaves, who is fenced.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/kafka_broker.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod broker;
#[path = "common/kafka_job.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod kafka_job;
#[path = "common/kafka_table.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod kafka_table;

use std::time::Duration;

use argus_base::ErrorKind;
use argus_base::commit::{CommitRecord, Incarnation};
use argus_base::connector::TableDescriptor;
use argus_base::id::CheckpointId;
use argus_base::sink::Delivery;
use broker::shared;
use kafka_job::Job;
use kafka_table::{bounded_ids, table};

const BOUNDED: [(&str, &str); 2] =
    [("scan.startup.mode", "earliest-offset"), ("scan.bounded.mode", "latest-offset")];
const UNCOMMITTED: (&str, &str) = ("properties.isolation.level", "read_uncommitted");

fn at(servers: &str, topic: &str, options: &[(&str, &str)]) -> TableDescriptor {
    let base = [("topic", topic), ("properties.bootstrap.servers", servers)];
    table(&[&base[..], &BOUNDED, options].concat())
}

fn on(topic: &str, options: &[(&str, &str)]) -> TableDescriptor {
    at(shared().bootstrap(), topic, options)
}

/// Rows that everybody sees.
fn visible(topic: &str) -> Vec<i64> {
    bounded_ids(&on(topic, &[]))
}

/// Rows that are there, whoever may see them.
fn written(topic: &str) -> Vec<i64> {
    bounded_ids(&on(topic, &[UNCOMMITTED]))
}

fn ids(range: std::ops::Range<i64>) -> Vec<i64> {
    range.collect()
}

#[test]
fn rows_are_visible_when_their_epoch_is_committed() {
    shared().create_topic("eo-visible", 2, &[]);
    let mut job = Job::new("eo-visible", &[on("eo-visible", &[])]).unwrap();
    assert_eq!(job.set.sinks[0].delivery(), Delivery::TwoPhase);
    assert!(job.set.committers[0].is_commit_point);
    assert_eq!(job.open(), None);
    job.commit(0).unwrap();
    let mut writer = job.writer(0, 0);
    job.write(&mut *writer, 0..100);
    job.flush(&mut *writer, 1).unwrap();
    // Rows behind the barrier do not wait for the commit, nor are they part of it.
    job.write(&mut *writer, 100..200);
    assert_eq!((visible("eo-visible"), written("eo-visible")), (vec![], ids(0..100)));
    job.commit(1).unwrap();
    assert_eq!(visible("eo-visible"), ids(0..100));
    job.flush(&mut *writer, 2).unwrap();
    assert_eq!((visible("eo-visible"), written("eo-visible")), (ids(0..100), ids(0..200)));
    job.commit(2).unwrap();
    // An epoch without rows, and a call whose answer was lost.
    job.flush(&mut *writer, 3).unwrap();
    job.commit(3).unwrap();
    job.commit(3).unwrap();
    assert_eq!(visible("eo-visible"), ids(0..200));
    writer.end_input().unwrap();
    kafka_table::wait_for(&mut *writer, &job.context, argus_base::sink::SinkStatus::Drained)
        .unwrap();
    let record = job.record(3);
    drop((writer, job));
    let mut next = Job::new("eo-visible", &[on("eo-visible", &[])]).unwrap();
    assert_eq!(next.open(), Some(record));
}

#[test]
fn a_record_is_read_back_whatever_it_says() {
    shared().create_topic("eo-record", 1, &[]);
    let mut job = Job::new("eo-record", &[on("eo-record", &[])]).unwrap();
    job.open();
    let record = CommitRecord {
        incarnation: Incarnation::new(0xfeed_0000_dead_beef),
        checkpoint: CheckpointId(1 << 40),
        manifest_hash: "0f".repeat(16),
    };
    job.set.committers[0].committer.commit(&record, &[]).unwrap();
    assert_eq!(job.open(), Some(record));

    // Somebody else's offset is not taken for one.
    use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
    let consumer: BaseConsumer =
        shared().config().set("group.id", "argus.eo-foreign").create().unwrap();
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset("eo-record", 0, rdkafka::Offset::Offset(5)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
    let mut other = Job::new("eo-foreign", &[on("eo-record", &[])]).unwrap();
    let error = other.open_one(0).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3319", ErrorKind::User), "{error}");
    assert!(error.to_string().contains("'argus.eo-foreign'"), "{error}");
}

#[test]
fn whoever_is_followed_is_fenced() {
    shared().create_topic("eo-zombie", 1, &[]);
    let tables = [on("eo-zombie", &[])];
    let mut old = Job::new("eo-zombie", &tables).unwrap();
    old.open();
    let mut old_writer = old.writer(0, 0);
    old.write(&mut *old_writer, 0..10);
    old.flush(&mut *old_writer, 1).unwrap();
    let mut new = Job::new("eo-zombie", &tables).unwrap();
    assert_eq!(new.open(), None);
    let error = old.commit(1).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3317", ErrorKind::Fenced), "{error}");
    // Its writers come to the same end.
    let error = loop {
        if let Err(error) = old_writer.poll().and_then(|_| {
            old_writer.write(old.rows(10..20))?;
            old.context.env.sleep(Duration::from_millis(20));
            Ok(())
        }) {
            break error;
        }
    };
    assert!(matches!(error.kind(), ErrorKind::Fenced | ErrorKind::Transient), "{error}");
    let mut writer = new.writer(0, 0);
    new.write(&mut *writer, 20..30);
    new.flush(&mut *writer, 2).unwrap();
    new.commit(2).unwrap();
    assert_eq!(visible("eo-zombie"), ids(20..30));
}

#[test]
fn a_crash_leaves_the_last_commit_and_nothing_else() {
    shared().create_topic("eo-crash", 1, &[]);
    let tables = [on("eo-crash", &[])];
    let mut first = Job::new("eo-crash", &tables).unwrap();
    first.open();
    let mut writer = first.writer(0, 0);
    first.write(&mut *writer, 0..10);
    first.flush(&mut *writer, 1).unwrap();
    first.commit(1).unwrap();
    first.write(&mut *writer, 10..20);
    first.flush(&mut *writer, 2).unwrap();
    let record = first.record(1);
    std::mem::forget(writer);
    first.crash();

    let mut second = Job::new("eo-crash", &tables).unwrap();
    assert_eq!(second.open(), Some(record));
    // The open transaction is gone: it does not hold back what comes after it.
    let mut writer = second.writer(0, 0);
    second.write(&mut *writer, 20..30);
    second.flush(&mut *writer, 3).unwrap();
    second.commit(3).unwrap();
    assert_eq!(visible("eo-crash"), [ids(0..10), ids(20..30)].concat());
}

#[test]
fn a_job_that_is_dropped_takes_back_what_is_not_committed() {
    shared().create_topic("eo-drop", 1, &[]);
    let mut job = Job::new("eo-drop", &[on("eo-drop", &[])]).unwrap();
    job.open();
    let mut writer = job.writer(0, 0);
    job.write(&mut *writer, 0..10);
    job.flush(&mut *writer, 1).unwrap();
    let env = job.context.env.clone();
    drop((writer, job));
    // Nobody has taken over, and yet readers see what others write behind.
    shared().produce("eo-drop", 0, &kafka_table::bodies(10..20));
    let begun = env.elapsed();
    while visible("eo-drop") != ids(10..20) {
        assert!(env.elapsed() - begun < Duration::from_secs(10));
    }
}

#[test]
fn all_sinks_and_subtasks_are_one_transaction() {
    for topic in ["eo-left", "eo-right"] {
        shared().create_topic(topic, 3, &[]);
    }
    let spaced = format!(" {} ", shared().bootstrap());
    let tables = [on("eo-left", &[]), at(&spaced, "eo-right", &[("properties.linger.ms", "20")])];
    let mut job = Job::new("eo-both", &tables).unwrap();
    assert_eq!(job.set.committers.len(), 1);
    assert_eq!(job.set.committers[0].sinks, [0, 1]);
    job.open();
    let mut writers: Vec<_> = [(0, 0), (0, 1), (1, 0), (1, 1)]
        .into_iter()
        .map(|(table, subtask)| job.writer(table, subtask))
        .collect();
    for epoch in 1..4 {
        for (i, writer) in (0..).zip(&mut writers) {
            let start = epoch * 1000 + i * 100;
            job.write(&mut **writer, start..start + 100);
            job.flush(&mut **writer, epoch.unsigned_abs()).unwrap();
            // This one is past the barrier already, others are not.
            job.write(&mut **writer, start + 1000..start + 1000);
        }
        let n_before = usize::try_from((epoch - 1) * 200).unwrap();
        assert_eq!((visible("eo-left").len(), visible("eo-right").len()), (n_before, n_before));
        job.commit(epoch.unsigned_abs()).unwrap();
        let n_after = n_before + 200;
        assert_eq!((visible("eo-left").len(), visible("eo-right").len()), (n_after, n_after));
    }
    let expected: Vec<i64> = (1..4).flat_map(|e| e * 1000..e * 1000 + 200).collect();
    assert_eq!(visible("eo-left"), expected);
}

#[test]
fn a_failed_checkpoint_is_part_of_the_next_commit() {
    shared().create_topic("eo-failed", 1, &[]);
    let mut job = Job::new("eo-failed", &[on("eo-failed", &[])]).unwrap();
    job.open();
    let (mut a, mut b) = (job.writer(0, 0), job.writer(0, 1));
    job.write(&mut *a, 0..10);
    job.flush(&mut *a, 1).unwrap();
    job.write(&mut *a, 10..20);
    // Checkpoint 1 fails before the other writer has heard of it.
    job.flush(&mut *a, 2).unwrap();
    job.write(&mut *b, 20..30);
    job.flush(&mut *b, 1).unwrap();
    job.write(&mut *b, 30..40);
    job.flush(&mut *b, 2).unwrap();
    job.write(&mut *a, 40..50);
    job.write(&mut *b, 50..60);
    assert_eq!(visible("eo-failed"), ids(0..0));
    job.commit(2).unwrap();
    assert_eq!(visible("eo-failed"), ids(0..40));
    job.flush(&mut *a, 3).unwrap();
    job.flush(&mut *b, 3).unwrap();
    job.commit(3).unwrap();
    assert_eq!(visible("eo-failed"), ids(0..60));
    assert_eq!(job.open(), Some(job.record(3)));
}

#[test]
fn rows_that_do_not_fit_go_ahead() {
    shared().create_topic("eo-full", 1, &[]);
    let mut job = Job::new("eo-full", &[on("eo-full", &[])]).unwrap();
    job.open();
    let mut writer = job.writer(0, 0);
    job.write(&mut *writer, 0..10);
    job.flush(&mut *writer, 1).unwrap();
    // About 32 MB, twice what waits.
    let n_batches = 40;
    for i in 0..n_batches {
        job.write(&mut *writer, 10 + i * 25_000..10 + (i + 1) * 25_000);
    }
    let begun = job.context.env.elapsed();
    while written("eo-full").len() < 100_000 {
        assert!(job.context.env.elapsed() - begun < Duration::from_secs(30));
    }
    job.commit(1).unwrap();
    // The transaction of the next epoch is open: nothing behind its first row is visible.
    assert_eq!(visible("eo-full"), ids(0..10));
    job.flush(&mut *writer, 2).unwrap();
    job.commit(2).unwrap();
    assert_eq!(visible("eo-full").len(), 10 + 25_000 * usize::try_from(n_batches).unwrap());

    // The same with a checkpoint that fails in between ends the job.
    job.write(&mut *writer, 0..10);
    job.flush(&mut *writer, 3).unwrap();
    for i in 0..n_batches {
        job.write(&mut *writer, i * 25_000..(i + 1) * 25_000);
    }
    let error = job.flush(&mut *writer, 4).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3321", ErrorKind::Transient), "{error}");
}

#[test]
fn commits_are_quick() {
    shared().create_topic("eo-quick", 3, &[]);
    let mut job = Job::new("eo-quick", &[on("eo-quick", &[])]).unwrap();
    let env = job.context.env.clone();
    let begun = env.elapsed();
    job.open();
    let opened = env.elapsed() - begun;
    let mut writer = job.writer(0, 0);
    let (mut flushes, mut commits) = (Vec::new(), Vec::new());
    for epoch in 1..41 {
        job.write(&mut *writer, epoch * 1000..(epoch + 1) * 1000);
        env.sleep(Duration::from_millis(50));
        let begun = env.elapsed();
        job.flush(&mut *writer, epoch.unsigned_abs()).unwrap();
        let flushed = env.elapsed();
        job.commit(epoch.unsigned_abs()).unwrap();
        flushes.push(flushed - begun);
        commits.push(env.elapsed() - flushed);
    }
    for (what, times) in [("flush", &mut flushes), ("commit", &mut commits)] {
        times.sort();
        println!("{what}: median {:?}, most {:?}", times[times.len() / 2], times[times.len() - 1]);
    }
    println!("open: {opened:?}");
    assert!(commits[commits.len() / 2] < Duration::from_millis(60), "{commits:?}");
}
