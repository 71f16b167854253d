//! Reading on from a checkpoint, what of it is published, and topics that change meanwhile.

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
use argus_base::connector::{ConnectorContext, OnError, TableDescriptor};
use argus_base::id::SubtaskIndex;
use argus_base::sink::SinkStatus;
use argus_base::source::SplitPosition;
use broker::{send_all, shared};
use kafka_job::{Job, checkpointed, rows};
use kafka_table::{Driver, bodies, bounded_ids, open, patient, reader, reader_at, table, wait_for};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::Producer;

const FROM_START: (&str, &str) = ("scan.startup.mode", "earliest-offset");
const FROM_END: (&str, &str) = ("scan.startup.mode", "latest-offset");
const TO_END: (&str, &str) = ("scan.bounded.mode", "latest-offset");

fn on<'a>(topic: &'a str, options: &[(&'a str, &'a str)]) -> TableDescriptor {
    let base = [("topic", topic), ("properties.bootstrap.servers", shared().bootstrap())];
    table(&[&base[..], options].concat())
}

fn text(positions: &[SplitPosition]) -> Vec<String> {
    let mut text: Vec<String> =
        positions.iter().map(|at| format!("{} {}", at.split, at.position)).collect();
    text.sort();
    text
}

/// Offsets of a group by partition; −1 where there is none.
fn group_offsets(group: &str, topic: &str, n_partitions: i32) -> Vec<i64> {
    let consumer: BaseConsumer = shared().config().set("group.id", group).create().unwrap();
    let mut list = rdkafka::TopicPartitionList::new();
    (0..n_partitions).for_each(|partition| {
        list.add_partition(topic, partition);
    });
    let found = consumer.committed_offsets(list, Duration::from_secs(10)).unwrap();
    let offset = |partition| match found.find_partition(topic, partition).unwrap().offset() {
        rdkafka::Offset::Offset(offset) => offset,
        _ => -1,
    };
    (0..n_partitions).map(offset).collect()
}

fn await_offsets(group: &str, topic: &str, expected: &[i64]) {
    let env = patient().env;
    let begun = env.elapsed();
    let n_partitions = i32::try_from(expected.len()).unwrap();
    loop {
        let found = group_offsets(group, topic, n_partitions);
        if found == expected {
            return;
        }
        assert!(env.elapsed() - begun < Duration::from_secs(10), "{found:?}");
    }
}

#[test]
fn offsets_of_completed_checkpoints_are_published() {
    shared().create_topic("rs-group", 2, &[]);
    shared().produce("rs-group", 0, &bodies(0..5));
    let group = ("properties.group.id", "rs-monitor");
    let orders = on("rs-group", &[FROM_START, group]);
    let mut driver = reader(&orders, &checkpointed("rs-group"));
    driver.poll_rows(5);
    let positions = driver.reader.positions();
    assert_eq!(text(&positions), ["rs-group/0 5", "rs-group/1 0"]);
    driver.reader.checkpoint_completed(&positions);
    await_offsets("rs-monitor", "rs-group", &[5, 0]);
    // Also those that come last.
    shared().produce("rs-group", 1, &bodies(5..8));
    driver.poll_rows(8);
    driver.reader.checkpoint_completed(&driver.reader.positions());
    drop(driver);
    await_offsets("rs-monitor", "rs-group", &[5, 3]);

    // Nobody asked for it: no checkpoints, no group, or Flink's own switch.
    let silent = ("properties.commit.offsets.on.checkpoint", "false");
    let other = ("properties.group.id", "rs-silent");
    let tables = [
        (on("rs-group", &[FROM_START, other]), patient()),
        (on("rs-group", &[FROM_START, other, silent]), checkpointed("rs-group")),
        (on("rs-group", &[FROM_START]), checkpointed("rs-silent")),
    ];
    for (table, context) in tables {
        let mut driver = reader(&table, &context);
        driver.poll_rows(8);
        driver.reader.checkpoint_completed(&driver.reader.positions());
        context.env.sleep(Duration::from_millis(300));
    }
    assert_eq!(group_offsets("rs-silent", "rs-group", 2), [-1, -1]);
    assert_eq!(group_offsets("argus-rs-silent-orders", "rs-group", 2), [-1, -1]);
}

#[test]
fn positions_are_behind_skipped_messages_and_before_open_transactions() {
    shared().create_topic("rs-skip", 1, &[]);
    let bad = ["{nonsense".to_owned()];
    shared().produce("rs-skip", 0, &[&bodies(0..2)[..], &bad, &bad].concat());
    let mut context = patient();
    context.on_source_error = OnError::Skip;
    let orders = on("rs-skip", &[FROM_START]);
    let mut driver = reader(&orders, &context);
    driver.poll_rows(2);
    let is_at = |position: &'static str| {
        move |driver: &Driver| text(&driver.reader.positions()) == [format!("rs-skip/0 {position}")]
    };
    driver.poll_until(is_at("4")).unwrap();

    // Offsets 4 and 5, and 6 for the marker of their end.
    let producer = shared().transactional("rs-skip");
    let wait = Duration::from_secs(10);
    producer.begin_transaction().unwrap();
    send_all(&producer, "rs-skip", 0, &bodies(2..4));
    producer.flush(wait).unwrap();
    context.env.sleep(Duration::from_millis(300));
    driver.poll_until(is_at("4")).unwrap();
    producer.commit_transaction(wait).unwrap();
    driver.poll_until(is_at("6")).unwrap();
    let positions = driver.reader.positions();
    drop(driver);
    shared().produce("rs-skip", 0, &bodies(4..6));
    let mut driver = reader_at(&orders, &context, &positions);
    driver.poll_rows(2);
    assert_eq!(driver.ids(), [4, 5]);
}

#[test]
fn a_bounded_partition_that_has_ended_stays_so() {
    shared().create_topic("rs-bounded", 2, &[]);
    shared().produce("rs-bounded", 0, &bodies(0..3));
    let producer = shared().transactional("rs-bounded");
    producer.begin_transaction().unwrap();
    send_all(&producer, "rs-bounded", 0, &bodies(3..5));
    producer.commit_transaction(Duration::from_secs(10)).unwrap();
    let orders = on("rs-bounded", &[FROM_START, TO_END]);
    // The brokers mark the end of a transaction after they have said so.
    while bounded_ids(&orders).len() < 5 {}
    let mut driver = reader(&orders, &patient());
    // A marker stands between the last record and the end.
    driver.poll_until(|_| false).unwrap();
    let positions = driver.reader.positions();
    assert_eq!(text(&positions), ["rs-bounded/0 6/6", "rs-bounded/1 0/0"]);
    shared().produce("rs-bounded", 0, &bodies(5..8));
    let mut driver = reader_at(&orders, &patient(), &positions);
    driver.poll_until(|_| false).unwrap();
    assert_eq!((driver.ids(), driver.n_splits), (vec![], 2));
}

#[test]
fn partitions_that_are_new_begin_at_their_beginning() {
    shared().create_topic("rs-new", 1, &[]);
    shared().produce("rs-new", 0, &bodies(0..5));
    let orders = on("rs-new", &[FROM_END]);
    let context = patient();
    let mut driver = reader(&orders, &context);
    driver.poll_until(|driver| driver.reader.is_ready()).unwrap();
    let positions = driver.reader.positions();
    assert_eq!(text(&positions), ["rs-new/0 5"]);
    drop(driver);
    shared().grow_topic("rs-new", 3);
    (0..3).for_each(|i| {
        let first = 10 * (i64::from(i) + 1);
        shared().produce("rs-new", i, &bodies(first..first + 2));
    });
    // Another parallelism: every reader gets the positions of all.
    let source = open(&orders, &context).unwrap();
    let mut ids = Vec::new();
    for subtask in 0..2 {
        let reader = source.reader(SubtaskIndex(subtask), 2, &positions).unwrap();
        let mut driver = Driver::new(reader, &context);
        driver.poll_until(|driver| driver.reader.is_ready()).unwrap();
        driver
            .poll_until(|driver| driver.n_splits > 0 && driver.n_rows() >= 2 * driver.n_splits)
            .unwrap();
        ids.extend(driver.ids());
    }
    ids.sort_unstable();
    assert_eq!(ids, [10, 11, 20, 21, 30, 31]);
}

#[test]
fn a_job_that_found_nothing_to_read_is_no_fresh_start() {
    let pattern = [
        ("properties.bootstrap.servers", shared().bootstrap()),
        ("topic-pattern", "rs-later-.*"),
        FROM_END,
    ];
    let orders = table(&pattern);
    let context = patient();
    let mut driver = reader(&orders, &context);
    assert_eq!(driver.reader.positions(), []);
    driver.poll_until(|driver| driver.reader.is_ready()).unwrap();
    let positions = driver.reader.positions();
    assert_eq!(positions.len(), 1);
    drop(driver);
    shared().create_topic("rs-later-1", 1, &[]);
    shared().produce("rs-later-1", 0, &bodies(0..3));
    let mut driver = reader_at(&orders, &context, &positions);
    driver.poll_rows(3);
    assert_eq!(driver.ids(), [0, 1, 2]);
}

#[test]
fn an_offset_that_is_gone_is_not_replaced() {
    shared().create_topic("rs-gone", 2, &[]);
    shared().produce("rs-gone", 0, &bodies(0..10));
    shared().delete_records("rs-gone", 0, 7);
    let at = |split: &str, position: &str| SplitPosition {
        split: split.to_owned(),
        position: position.to_owned(),
    };
    let error = |position: SplitPosition| {
        let mut driver = reader_at(&on("rs-gone", &[FROM_START]), &patient(), &[position]);
        let error = driver.poll_until(|_| false).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("AR3323", ErrorKind::User), "{error}");
        error.to_string()
    };
    let early = error(at("rs-gone/0", "3"));
    for part in ["offset 3 ", "topic 'rs-gone' partition 0", "7 to 10"] {
        assert!(early.contains(part), "{part}: {early}");
    }
    // The topic was made anew.
    assert!(error(at("rs-gone/1", "4")).contains("0 to 0"));
    // Offsets that were read to their end are not missed.
    let mut driver = reader_at(
        &on("rs-gone", &[FROM_START, TO_END]),
        &patient(),
        &[at("rs-gone/0", "3/3"), at("rs-gone/1", "0/0")],
    );
    driver.poll_until(|_| false).unwrap();
    let mut driver = reader_at(&on("rs-gone", &[FROM_START]), &patient(), &[at("rs-gone/0", "7")]);
    driver.poll_rows(3);
    assert_eq!(driver.ids(), [7, 8, 9]);
}

#[test]
fn rows_find_partitions_that_a_topic_gains() {
    let grows = |topic: &'static str, context: ConnectorContext| {
        shared().create_topic(topic, 1, &[]);
        let keyed = [
            ("key.format", "json"),
            ("key.fields", "id"),
            ("properties.metadata.max.age.ms", "300"),
            FROM_START,
            TO_END,
        ];
        let mut job = Job::with(context, &[on(topic, &keyed)]).unwrap();
        let is_transactional = !job.set.committers.is_empty();
        if is_transactional {
            job.open();
        }
        let mut writer = job.writer(0, 0);
        let mut n_rows = 0;
        for epoch in 1..40 {
            wait_for(&mut *writer, &job.context, SinkStatus::Ready).unwrap();
            writer.write(rows(&job.tables[0], n_rows..n_rows + 20)).unwrap();
            n_rows += 20;
            job.flush(&mut *writer, epoch).unwrap();
            if is_transactional {
                job.commit(epoch).unwrap();
            }
            if epoch == 2 {
                shared().grow_topic(topic, 4);
            }
            job.context.env.sleep(Duration::from_millis(50));
        }
        drop((writer, job));
        let orders = on(topic, &keyed);
        assert_eq!(bounded_ids(&orders), (0..n_rows).collect::<Vec<i64>>());
        let used: std::collections::BTreeSet<i32> =
            shared().read_plain(topic, 780).iter().map(|message| message.partition).collect();
        assert!(used.len() > 1, "{used:?}");
    };
    grows("rs-wide", patient());
    grows("rs-wide-once", checkpointed("rs-wide-once"));
}
