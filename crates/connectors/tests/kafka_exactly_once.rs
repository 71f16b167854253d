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
use broker::{Broker, shared};
use kafka_job::{Job, checkpointed, kept, rows};
use kafka_table::{bounded_ids, patient, table, with_metadata};

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

/// Waits until everybody sees these rows, in whatever order: a transaction is decided when its
/// commit returns, and shown when the brokers have marked its partitions.
fn await_visible(topic: &str, expected: &[i64]) {
    let env = patient().env;
    let begun = env.elapsed();
    while visible(topic) != expected {
        let waited = env.elapsed() - begun;
        assert!(waited < Duration::from_secs(10), "{topic}: {} rows", visible(topic).len());
    }
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
    await_visible("eo-visible", &ids(0..100));
    job.flush(&mut *writer, 2).unwrap();
    assert_eq!((visible("eo-visible"), written("eo-visible")), (ids(0..100), ids(0..200)));
    job.commit(2).unwrap();
    // An epoch without rows, and a call whose answer was lost.
    job.flush(&mut *writer, 3).unwrap();
    job.commit(3).unwrap();
    job.commit(3).unwrap();
    await_visible("eo-visible", &ids(0..200));
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
    await_visible("eo-zombie", &ids(20..30));
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
    await_visible("eo-crash", &[ids(0..10), ids(20..30)].concat());
}

#[test]
fn a_job_that_is_dropped_takes_back_what_is_not_committed() {
    shared().create_topic("eo-drop", 1, &[]);
    let mut job = Job::new("eo-drop", &[on("eo-drop", &[])]).unwrap();
    job.open();
    let mut writer = job.writer(0, 0);
    job.write(&mut *writer, 0..10);
    job.flush(&mut *writer, 1).unwrap();
    drop((writer, job));
    // Nobody has taken over, and yet readers see what others write behind.
    shared().produce("eo-drop", 0, &kafka_table::bodies(10..20));
    await_visible("eo-drop", &ids(10..20));
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
        }
        let n_before = usize::try_from((epoch - 1) * 200).unwrap();
        assert_eq!((visible("eo-left").len(), visible("eo-right").len()), (n_before, n_before));
        job.commit(epoch.unsigned_abs()).unwrap();
        let of = |first: i64| -> Vec<i64> {
            (1..=epoch).flat_map(|e| e * 1000 + first..e * 1000 + first + 200).collect()
        };
        await_visible("eo-left", &of(0));
        await_visible("eo-right", &of(200));
    }
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
    await_visible("eo-failed", &ids(0..40));
    job.flush(&mut *a, 3).unwrap();
    job.flush(&mut *b, 3).unwrap();
    job.commit(3).unwrap();
    await_visible("eo-failed", &ids(0..60));
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
    await_visible("eo-full", &ids(0..10));
    job.flush(&mut *writer, 2).unwrap();
    job.commit(2).unwrap();
    await_visible("eo-full", &ids(0..10 + n_batches * 25_000));

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

#[test]
fn a_cluster_that_follows_takes_each_epoch_once() {
    for topic in ["eo-first", "eo-second"] {
        shared().create_topic(topic, 3, &[]);
    }
    let tables = || {
        let follows = ("sink.transactional-id-prefix", "eo-follows");
        let keyed = [follows, ("key.format", "json"), ("key.fields", "id")];
        [on("eo-first", &[]), on("eo-second", &keyed)]
    };
    let mut job = Job::new("eo-leads", &tables()).unwrap();
    let deliveries: Vec<Delivery> = job.set.sinks.iter().map(|sink| sink.delivery()).collect();
    assert_eq!(deliveries, [Delivery::TwoPhase, Delivery::Staged]);
    let is_commit_point: Vec<bool> =
        job.set.committers.iter().map(|committer| committer.is_commit_point).collect();
    assert_eq!(is_commit_point, [true, false]);
    assert_eq!(job.set.committers[1].sinks, [1]);
    job.open();
    assert_eq!(job.open_one(1).unwrap(), None);
    let output = |epoch: u64, ids| kept(epoch, vec![rows(&tables()[1], ids)]);
    let (record, outputs) = (job.record(1), [output(1, 0..100)]);
    job.set.committers[1].committer.commit(&record, &outputs).unwrap();
    await_visible("eo-second", &ids(0..100));
    // The answer was lost, or the job started again.
    job.set.committers[1].committer.commit(&record, &outputs).unwrap();
    job.crash();
    let mut job = Job::new("eo-leads", &tables()).unwrap();
    assert_eq!(job.open_one(1).unwrap(), Some(record.clone()));
    job.set.committers[1].committer.commit(&record, &outputs).unwrap();
    // Two epochs at once, one of which it has.
    let (third, outputs) = (job.record(3), [output(3, 150..200), output(1, 0..100)]);
    let both = [output(2, 100..150), outputs[0].clone(), outputs[1].clone()];
    job.set.committers[1].committer.commit(&third, &both).unwrap();
    await_visible("eo-second", &ids(0..200));
    // In another life the same numbers mean other rows.
    job.incarnation = Incarnation::new(2);
    let first = job.record(1);
    job.set.committers[1].committer.commit(&first, &[output(1, 200..210)]).unwrap();
    await_visible("eo-second", &ids(0..210));
    // The partitions are those of the direct way.
    shared().create_topic("eo-direct", 3, &[]);
    let direct = on("eo-direct", &[("key.format", "json"), ("key.fields", "id")]);
    kafka_table::write_all(&direct, &patient(), vec![rows(&direct, 0..210)]).unwrap();
    assert_eq!(keys_and_partitions("eo-second"), keys_and_partitions("eo-direct"));

    let env = job.context.env.clone();
    let begun = env.elapsed();
    let last = job.record(2);
    job.set.committers[1].committer.commit(&last, &[output(2, 210..1210)]).unwrap();
    println!("follower: 1000 rows in {:?}", env.elapsed() - begun);
    await_visible("eo-second", &ids(0..1210));
}

fn keys_and_partitions(topic: &str) -> Vec<(Option<String>, i32)> {
    let messages = shared().read_plain(topic, 210).into_iter();
    let mut keys: Vec<_> = messages.map(|message| (message.key, message.partition)).collect();
    keys.sort();
    keys
}

#[test]
fn what_the_brokers_would_refuse_does_not_end_the_transaction() {
    use arrow_array::{ArrayRef, Int64Array, StringViewArray, TimestampMillisecondArray};
    use std::sync::Arc;
    shared().create_topic("eo-limits", 1, &["max.message.bytes=20000"]);
    let orders = with_metadata(on("eo-limits", &[]), &["timestamp"]);
    let mut context = checkpointed("eo-limits");
    let now = context.env.now().0;
    let days = 24 * 3_600_000;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])),
        Arc::new(StringViewArray::from(vec![
            "a".to_owned(),
            "x".repeat(30_000),
            "x".repeat(2_000_000),
            "far ahead".to_owned(),
            "b".to_owned(),
        ])),
        Arc::new(
            TimestampMillisecondArray::from(vec![now, now, now, now + 2 * days, now - 30 * days])
                .with_timezone("UTC"),
        ),
    ];
    let rows = || kafka_table::batch(&orders, columns.clone());
    let write = |job: &mut Job| {
        job.open();
        let mut writer = job.writer(0, 0);
        kafka_table::wait_for(&mut *writer, &job.context, argus_base::sink::SinkStatus::Ready)?;
        writer.write(rows())?;
        job.flush(&mut *writer, 1)?;
        job.commit(1)
    };
    let mut job = Job::with(context.clone(), std::slice::from_ref(&orders)).unwrap();
    let error = write(&mut job).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3308", ErrorKind::Data), "{error}");
    drop(job);

    context.on_sink_error = argus_base::connector::OnError::Skip;
    let mut job = Job::with(context, std::slice::from_ref(&orders)).unwrap();
    write(&mut job).unwrap();
    await_visible("eo-limits", &[1, 5]);
    assert_eq!(job.context.metrics.sum("argus_sink_skipped_total", &[]), 3.0);
}

#[test]
fn a_restarted_job_gives_the_brokers_time_to_know_it() {
    let jaas = "x.PlainLoginModule required username=\"alice\" password=\"geheim\";";
    let options = [
        ("properties.security.protocol", "SASL_PLAINTEXT"),
        ("properties.sasl.mechanism", "PLAIN"),
        ("properties.sasl.jaas.config", jaas),
    ];
    let guarded = at(shared().variable("SASL_PLAINTEXT"), "eo-guarded", &options);
    let mut job = Job::new("eo-guarded", &[guarded]).unwrap();
    assert_eq!(job.open_one(0).unwrap_err().kind(), ErrorKind::User);
    job.context.is_restart = true;
    let mut job = Job::with(job.context.clone(), &job.tables).unwrap();
    let env = job.context.env.clone();
    let begun = env.elapsed();
    let error = loop {
        let error = job.open_one(0).unwrap_err();
        assert_eq!(error.code(), "AR3302", "{error}");
        if error.kind() != ErrorKind::Transient {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::User);
    let waited = env.elapsed() - begun;
    assert!((5..15).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn what_cannot_be_exactly_once_is_refused_before_it_starts() {
    shared().create_topic("eo-refused", 1, &[]);
    let refusal = |context, options: &[(&str, &str)]| {
        let error = Job::with(context, &[on("eo-refused", options)]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::User, "{error}");
        (error.code(), error.to_string())
    };
    let explicit = [("sink.delivery-guarantee", "exactly-once")];
    let (code, text) = refusal(patient(), &explicit);
    assert_eq!(code, "AR3314");
    assert!(text.contains("'execution.checkpointing.dir'"), "{text}");
    let mut nameless = checkpointed("job");
    nameless.settings.clear();
    let (code, text) = refusal(nameless.clone(), &[]);
    assert_eq!(code, "AR3315");
    assert!(text.contains("'pipeline.name'"), "{text}");
    assert!(text.contains("'sink.transactional-id-prefix'"), "{text}");
    for fine in [("sink.transactional-id-prefix", "x"), ("sink.delivery-guarantee", "none")] {
        Job::with(nameless.clone(), &[on("eo-refused", &[fine])]).unwrap();
    }
    let without = Job::with(patient(), &[on("eo-refused", &[])]).unwrap();
    assert_eq!(without.set.sinks[0].delivery(), Delivery::AtLeastOnce);

    let mut slow = checkpointed("eo-slow");
    slow.checkpoints.as_mut().unwrap().timeout = Duration::from_secs(3600);
    let open = |context, options: &[(&str, &str)]| {
        Job::with(context, &[on("eo-refused", options)]).unwrap().open_one(0)
    };
    let error = open(slow.clone(), &[]).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3316", ErrorKind::User), "{error}");
    for part in ["3661000 ms", "900000 ms", "'execution.checkpointing.timeout'"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let written = ("properties.transaction.timeout.ms", "600000");
    open(slow.clone(), &[written]).unwrap();
    let error = open(slow, &[("properties.transaction.timeout.ms", "1000000")]).unwrap_err();
    assert!(error.to_string().contains("'properties.transaction.timeout.ms'"), "{error}");
}

#[test]
fn the_record_is_found_when_tables_change_places() {
    let tables = ["eo-one", "eo-two", "eo-three"].map(|topic| {
        shared().create_topic(topic, 1, &[]);
        on(topic, &[])
    });
    let [one, two, three] = tables;
    let orders = [
        vec![one.clone(), two.clone()],
        vec![two.clone(), one.clone(), three.clone()],
        vec![one, two.clone()],
        vec![three, two],
    ];
    for (checkpoint, tables) in (1..).zip(&orders) {
        let mut job = Job::new("eo-places", tables).unwrap();
        let before = (checkpoint > 1).then(|| job.record(checkpoint - 1));
        assert_eq!(job.open(), before);
        job.commit(checkpoint).unwrap();
    }
}

#[test]
fn a_missing_topic_is_created_where_the_job_says_so() {
    let mut context = checkpointed("eo-missing");
    let missing = [on("eo-missing", &[])];
    let error = Job::with(context.clone(), &missing).unwrap().open_one(0).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3304", ErrorKind::User), "{error}");
    context.settings.insert("argus.kafka.create-topic-partitions".into(), "3".into());
    let mut job = Job::with(context, &missing).unwrap();
    assert_eq!(job.open(), None);
    job.commit(0).unwrap();
    assert_eq!(job.open(), Some(job.record(0)));
}

/// The brokers end a transaction that is open for too long; the job goes back and on.
#[test]
fn a_transaction_that_was_open_for_too_long_is_fenced() {
    let every = "transaction.abort.timed.out.transaction.cleanup.interval.ms=200";
    let broker = Broker::start(&["--set", every]);
    broker.create_topic("eo-slow", 1, &[]);
    let timeout = ("properties.transaction.timeout.ms", "1500");
    let orders = at(broker.bootstrap(), "eo-slow", &[timeout]);
    let mut job = Job::new("eo-slow", std::slice::from_ref(&orders)).unwrap();
    job.open();
    job.commit(0).unwrap();
    let mut writer = job.writer(0, 0);
    job.write(&mut *writer, 0..10);
    job.flush(&mut *writer, 1).unwrap();
    job.context.env.sleep(Duration::from_secs(4));
    let error = job.commit(1).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3317", ErrorKind::Fenced), "{error}");
    drop(writer);
    assert_eq!(job.open(), Some(job.record(0)));
    let mut writer = job.writer(0, 0);
    job.write(&mut *writer, 0..10);
    job.flush(&mut *writer, 2).unwrap();
    job.commit(2).unwrap();
    drop((writer, job));
    while bounded_ids(&orders).is_empty() {}
    assert_eq!(bounded_ids(&orders), ids(0..10));
}

#[test]
fn one_cluster_has_one_name() {
    shared().create_topic("eo-name", 1, &[]);
    let (_, port) = shared().bootstrap().rsplit_once(':').unwrap();
    let other =
        if shared().bootstrap().starts_with("localhost") { "127.0.0.1" } else { "localhost" };
    let tables = [on("eo-name", &[]), at(&format!("{other}:{port}"), "eo-name", &[])];
    let mut job = Job::new("eo-name", &tables).unwrap();
    assert_eq!(job.set.committers.len(), 2);
    job.open();
    let error = job.open_one(1).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3322", ErrorKind::User), "{error}");
    // The one that was there first goes on.
    job.commit(0).unwrap();
}

/// Epochs while the broker comes and goes: whatever is away when, each row is there once.
#[test]
fn an_outage_is_waited_for() {
    let broker = Broker::start(&[]);
    broker.create_topic("eo-outage", 2, &[]);
    let orders = || at(broker.bootstrap(), "eo-outage", &[]);
    let mut job = Job::new("eo-outage", &[orders()]).unwrap();
    job.open();
    let mut writer = job.writer(0, 0);
    let mut epoch = 0;
    let mut write = |job: &Job, writer: &mut dyn argus_base::sink::SinkWriter| {
        epoch += 1;
        let start = (i64::try_from(epoch).unwrap() - 1) * 1000;
        job.write(writer, start..start + 1000);
        epoch
    };
    let env = job.context.env.clone();
    // Away before the rows, before the flush, before the commit.
    for moment in 0..3 {
        let is_away = |wanted| moment == wanted;
        if is_away(0) {
            broker.kill();
        }
        let checkpoint = write(&job, &mut *writer);
        if is_away(1) {
            broker.kill();
        }
        std::thread::scope(|scope| {
            if is_away(0) || is_away(1) {
                scope.spawn(|| {
                    env.sleep(Duration::from_secs(3));
                    broker.come_back();
                });
            }
            job.flush(&mut *writer, checkpoint).unwrap();
        });
        if is_away(2) {
            broker.kill();
        }
        std::thread::scope(|scope| {
            if is_away(2) {
                scope.spawn(|| {
                    env.sleep(Duration::from_secs(3));
                    broker.come_back();
                });
            }
            job.commit(checkpoint).unwrap();
        });
        // A broker that is killed before it has marked a commit may leave it hanging.
        let begun = env.elapsed();
        while bounded_ids(&orders()) != ids(0..i64::try_from(checkpoint).unwrap() * 1000) {
            assert!(env.elapsed() - begun < Duration::from_secs(30), "epoch {checkpoint}");
            env.sleep(Duration::from_millis(100));
        }
    }
    let record = job.record(epoch);
    drop(writer);
    job.crash();
    let mut job = Job::new("eo-outage", &[orders()]).unwrap();
    assert_eq!(job.open(), Some(record));
}

/// Opens the commit point, where a transaction may hang since the broker was killed: then it is
/// ended as the page of AR3324 says. Whether one did, and the record.
fn open_again(broker: &Broker, job: &mut Job) -> (bool, Option<CommitRecord>) {
    let env = job.context.env.clone();
    let begun = env.elapsed();
    let error = loop {
        match job.open_one(0) {
            Ok(record) => return (false, record),
            Err(error) if error.kind() != ErrorKind::Transient => panic!("{error}"),
            Err(error) if env.elapsed() - begun > Duration::from_secs(15) => break error,
            Err(_) => {}
        }
    };
    assert_eq!(error.code(), "AR3324", "{error}");
    let n_ended = broker.end_hanging();
    println!("{n_ended} parts of a transaction hung");
    assert!(n_ended > 0, "{error}");
    (true, job.open())
}

/// A broker that dies at any moment, and a job with it: what the record says is what is visible.
#[test]
fn the_record_tells_what_is_visible() {
    let broker = Broker::start(&[]);
    broker.create_topic("eo-maybe", 1, &[]);
    let orders = || at(broker.bootstrap(), "eo-maybe", &[]);
    let env = patient().env;
    let mut checkpoint = 0;
    for round in 0..3 {
        let mut job = Job::new("eo-maybe", &[orders()]).unwrap();
        assert_eq!(job.open().map_or(0, |record| record.checkpoint.0), checkpoint);
        let mut writer = job.writer(0, 0);
        let is_dead = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                env.sleep(Duration::from_millis(200 + round * 37));
                broker.kill();
                is_dead.store(true, std::sync::atomic::Ordering::Release);
            });
            // Epochs of ten rows each until nothing is answered any more.
            let mut epoch = checkpoint;
            while !is_dead.load(std::sync::atomic::Ordering::Acquire) {
                let start = i64::try_from(epoch).unwrap() * 10;
                job.write(&mut *writer, start..start + 10);
                epoch += 1;
                writer.flush(CheckpointId(epoch)).unwrap();
                while writer.flushed().is_none() {
                    if is_dead.load(std::sync::atomic::Ordering::Acquire) {
                        return;
                    }
                    writer.poll().unwrap();
                }
                let record = job.record(epoch);
                if job.set.committers[0].committer.commit(&record, &[]).is_err() {
                    return;
                }
            }
        });
        std::mem::forget(writer);
        job.crash();
        broker.come_back();
        let mut next = Job::new("eo-maybe", &[orders()]).unwrap();
        let before = checkpoint;
        let (has_hung, record) = open_again(&broker, &mut next);
        checkpoint = record.map_or(0, |record| record.checkpoint.0);
        println!("killed: {} checkpoints committed", checkpoint - before);
        let n_rows = i64::try_from(checkpoint).unwrap() * 10;
        let visible = bounded_ids(&orders());
        if has_hung {
            // The broker has forgotten some or all markers of a commit, so it is no transaction:
            // its rows may be visible without its record.
            assert!([ids(0..n_rows), ids(0..n_rows + 10)].contains(&visible), "{visible:?}");
            return;
        }
        assert_eq!(visible, ids(0..n_rows));
    }
}
