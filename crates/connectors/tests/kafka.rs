//! The kafka connector against a real broker: where reading begins and ends, transactions,
//! metadata, bad messages, and what is written.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/kafka_broker.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod broker;
#[path = "common/kafka_table.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod kafka_table;

use std::sync::Arc;
use std::time::Duration;

use argus_base::ErrorKind;
use argus_base::connector::OnError;
use argus_base::id::SubtaskIndex;
use argus_base::source::{SourcePoll, SplitStatus};
use arrow_array::builder::{BinaryViewBuilder, MapBuilder, MapFieldNames, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, Int64Array, StringViewArray, TimestampMillisecondArray};
use broker::{PlainMessage, send_all, shared};
use kafka_table::{
    Driver, batch, bodies, bounded_ids, open, patient, read_error, reader, reader_at, table,
    with_metadata, write_all,
};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

const FROM_START: (&str, &str) = ("scan.startup.mode", "earliest-offset");
const NONE: [i64; 0] = [];
const TO_END: (&str, &str) = ("scan.bounded.mode", "latest-offset");

fn on<'a>(
    topic: &'a str,
    options: &[(&'a str, &'a str)],
) -> argus_base::connector::TableDescriptor {
    let base = [("topic", topic), ("properties.bootstrap.servers", shared().bootstrap())];
    table(&[&base[..], options].concat())
}

#[test]
fn start_modes() {
    let broker = shared();
    broker.create_topic("start", 2, &[]);
    broker.produce("start", 0, &bodies(0..10));
    broker.produce("start", 1, &bodies(10..20));
    let ids = |options: &[(&str, &str)]| bounded_ids(&on("start", &[&[TO_END], options].concat()));
    let all: Vec<i64> = (0..20).collect();
    assert_eq!(ids(&[FROM_START]), all);
    assert_eq!(ids(&[("scan.startup.mode", "latest-offset")]), NONE);
    let at = [("scan.startup.mode", "timestamp"), ("scan.startup.timestamp-millis", "8500")];
    assert_eq!(ids(&at), [8, 9, 18, 19]);
    let late = [("scan.startup.mode", "timestamp"), ("scan.startup.timestamp-millis", "99999")];
    assert_eq!(ids(&late), NONE);
    let specific = [
        ("scan.startup.mode", "specific-offsets"),
        ("scan.startup.specific-offsets", "partition:0,offset:9;partition:1,offset:8"),
    ];
    assert_eq!(ids(&specific), [9, 18, 19]);

    let error = read_error(&on("start", &[TO_END]), &patient());
    assert_eq!((error.code(), error.kind()), ("AR3306", ErrorKind::User));
    assert_eq!(ids(&[("properties.auto.offset.reset", "earliest")]), all);
    commit("start-group", "start", &[(0, 6)]);
    let group =
        [("properties.group.id", "start-group"), ("properties.auto.offset.reset", "latest")];
    assert_eq!(ids(&group), [6, 7, 8, 9]);
}

fn commit(group: &str, topic: &str, offsets: &[(i32, i64)]) {
    use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
    let consumer: BaseConsumer = shared().config().set("group.id", group).create().unwrap();
    let mut list = rdkafka::TopicPartitionList::new();
    for &(partition, offset) in offsets {
        list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset)).unwrap();
    }
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

#[test]
fn end_modes() {
    let broker = shared();
    broker.create_topic("ends", 2, &[]);
    broker.produce("ends", 0, &bodies(0..10));
    broker.produce("ends", 1, &bodies(10..20));
    let ids =
        |options: &[(&str, &str)]| bounded_ids(&on("ends", &[&[FROM_START], options].concat()));
    let at = [("scan.bounded.mode", "timestamp"), ("scan.bounded.timestamp-millis", "2500")];
    assert_eq!(ids(&at), [0, 1, 10, 11]);
    let specific = [
        ("scan.bounded.mode", "specific-offsets"),
        ("scan.bounded.specific-offsets", "partition:0,offset:3;partition:1,offset:0"),
    ];
    assert_eq!(ids(&specific), [0, 1, 2]);
    commit("ends-group", "ends", &[(0, 2), (1, 1)]);
    let group = [("scan.bounded.mode", "group-offsets"), ("properties.group.id", "ends-group")];
    assert_eq!(ids(&group), [0, 1, 10]);
}

#[test]
fn an_end_that_is_not_there_yet_is_waited_for() {
    let broker = shared();
    broker.create_topic("future", 1, &[]);
    broker.produce("future", 0, &bodies(0..5));
    let future = [
        FROM_START,
        ("scan.bounded.mode", "specific-offsets"),
        ("scan.bounded.specific-offsets", "partition:0,offset:11"),
    ];
    let mut driver = reader(&on("future", &future), &patient());
    driver.poll_until(|driver| driver.statuses() == [SplitStatus::CaughtUp]).unwrap();
    assert_eq!(driver.ids(), [0, 1, 2, 3, 4]);
    // Offsets 5 to 9 are records, 10 is the marker of the transaction: the end is behind it.
    let producer = broker.transactional("future");
    producer.begin_transaction().unwrap();
    send_all(&producer, "future", 0, &bodies(5..10));
    producer.commit_transaction(Duration::from_secs(10)).unwrap();
    driver.poll_until(|_| false).unwrap();
    assert_eq!(driver.ids(), (0..10).collect::<Vec<i64>>());
}

#[test]
fn transactions() {
    let broker = shared();
    broker.create_topic("transactions", 1, &[]);
    let producer = broker.transactional("transactions");
    let wait = Duration::from_secs(10);
    for (ids, is_committed) in [(0..5, true), (5..10, false), (10..15, true), (15..20, false)] {
        producer.begin_transaction().unwrap();
        send_all(&producer, "transactions", 0, &bodies(ids));
        producer.flush(wait).unwrap();
        if is_committed {
            producer.commit_transaction(wait).unwrap();
        } else {
            producer.abort_transaction(wait).unwrap();
        }
    }
    // 24 offsets, four of them markers; the last readable record is ten offsets before the end.
    let committed: Vec<i64> = (0..5).chain(10..15).collect();
    assert_eq!(bounded_ids(&on("transactions", &[FROM_START, TO_END])), committed);
    let all: Vec<i64> = (0..20).collect();
    let uncommitted = ("properties.isolation.level", "read_uncommitted");
    assert_eq!(bounded_ids(&on("transactions", &[FROM_START, TO_END, uncommitted])), all);

    let mut driver = reader(&on("transactions", &[FROM_START]), &patient());
    driver.poll_until(|driver| driver.statuses() == [SplitStatus::CaughtUp]).unwrap();
    assert_eq!(driver.ids(), committed);

    // An open transaction: its records are not there yet, for a bounded job never.
    producer.begin_transaction().unwrap();
    send_all(&producer, "transactions", 0, &bodies(20..25));
    producer.flush(wait).unwrap();
    assert_eq!(bounded_ids(&on("transactions", &[FROM_START, TO_END])), committed);
    producer.commit_transaction(wait).unwrap();
    driver.poll_rows(15);
    assert_eq!(driver.ids()[10..], [20, 21, 22, 23, 24]);
}

#[test]
fn a_reader_goes_on_at_its_positions() {
    let broker = shared();
    broker.create_topic("positions", 2, &[]);
    broker.produce("positions", 0, &bodies(0..5));
    broker.produce("positions", 1, &bodies(5..10));
    let orders = on("positions", &[FROM_START]);
    let mut first = reader(&orders, &patient());
    first.poll_rows(10);
    let positions = first.reader.positions();
    drop(first);
    broker.produce("positions", 0, &bodies(10..13));
    let mut second = reader_at(&orders, &patient(), &positions);
    second.poll_rows(3);
    assert_eq!(second.ids(), [10, 11, 12]);
    assert_eq!(second.n_splits, 2);
}

#[test]
fn several_readers_share_topics_and_patterns() {
    let broker = shared();
    for (topic, ids) in [("share-a", 0..6), ("share-b", 6..12), ("other-share-c", 12..18)] {
        broker.create_topic(topic, 3, &[]);
        for (partition, ids) in (0..3).zip([ids.start, ids.start + 2, ids.start + 4]) {
            broker.produce(topic, partition, &bodies(ids..ids + 2));
        }
    }
    let servers = ("properties.bootstrap.servers", shared().bootstrap());
    let list = table(&[servers, ("topic", "share-a;share-b"), FROM_START, TO_END]);
    let pattern = table(&[servers, ("topic-pattern", "share-[ab]"), FROM_START, TO_END]);
    for orders in [list, pattern] {
        let context = patient();
        let source = open(&orders, &context).unwrap();
        assert!(source.is_bounded());
        let mut ids = Vec::new();
        for subtask in 0..2 {
            let reader = source.reader(SubtaskIndex(subtask), 2, &[]).unwrap();
            let mut driver = Driver::new(reader, &context);
            driver.poll_until(|_| false).unwrap();
            assert!(driver.n_splits >= 2, "{}", driver.n_splits);
            ids.extend(driver.ids());
        }
        ids.sort_unstable();
        assert_eq!(ids, (0..12).collect::<Vec<i64>>());
    }
}

#[test]
fn a_new_partition_is_found() {
    let broker = shared();
    broker.create_topic("grows", 1, &[]);
    broker.produce("grows", 0, &bodies(0..2));
    let interval = ("scan.topic-partition-discovery.interval", "300 ms");
    let latest = ("scan.startup.mode", "latest-offset");
    let mut driver = reader(&on("grows", &[latest, interval]), &patient());
    driver.poll_until(|driver| driver.reader.is_ready()).unwrap();
    broker.grow_topic("grows", 2);
    broker.produce("grows", 1, &bodies(2..4));
    driver.poll_rows(2);
    assert_eq!(driver.ids(), [2, 3], "a partition found later begins at its beginning");
    assert_eq!(driver.n_splits, 2);
}

#[test]
fn metadata_columns() {
    let broker = shared();
    broker.create_topic("metadata", 1, &[]);
    broker.produce("metadata", 0, &bodies(0..3));
    let keys = ["offset", "partition", "topic", "timestamp", "timestamp-type", "headers"];
    let orders = with_metadata(on("metadata", &[FROM_START, TO_END]), &keys);
    let mut driver = reader(&orders, &patient());
    driver.poll_until(|_| false).unwrap();
    let rows = &driver.batches[0];
    assert_eq!(rows.column(2).as_primitive::<Int64Type>().values(), &[0, 1, 2]);
    assert_eq!(rows.column(4).as_string_view().value(2), "metadata");
    let times = rows.column(5).as_primitive::<TimestampMillisecondType>();
    assert_eq!(times.values(), &[1000, 2000, 3000]);
    assert_eq!(rows.column(6).as_string_view().value(0), "CreateTime");
    assert_eq!(rows.column(7).as_map().value_length(0), 0);
}

#[test]
fn bad_messages_and_tombstones() {
    let broker = shared();
    broker.create_topic("bad", 1, &[]);
    let mut values = bodies(0..2);
    values.insert(1, "{nonsense".into());
    broker.produce("bad", 0, &values);
    let producer: BaseProducer = broker.config().create().unwrap();
    let tombstone: BaseRecord<'_, str, str> = BaseRecord::to("bad").partition(0).key("k");
    producer.send(tombstone).map_err(|(error, _)| error).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    broker.produce("bad", 0, &bodies(2..3));
    let orders = on("bad", &[FROM_START, TO_END]);

    let error = read_error(&orders, &patient());
    assert_eq!((error.code(), error.kind()), ("AR3307", ErrorKind::Data));
    let text = error.to_string();
    assert!(text.contains("topic 'bad' partition 0 offset 1"), "{text}");

    let mut context = patient();
    context.on_source_error = OnError::Skip;
    let mut driver = reader(&orders, &context);
    driver.poll_until(|_| false).unwrap();
    assert_eq!(driver.ids(), [0, 1, 2]);
    let skipped = |reason| {
        let labels = [("source", "orders"), ("topic", "bad"), ("reason", reason)];
        context.metrics.sum("argus_source_skipped_total", &labels)
    };
    assert_eq!((skipped("decode"), skipped("null"), skipped("oversize")), (1.0, 1.0, 0.0));
}

#[test]
fn a_missing_or_deleted_topic() {
    let broker = shared();
    let error = read_error(&on("never-made", &[FROM_START]), &patient());
    assert_eq!((error.code(), error.kind()), ("AR3304", ErrorKind::User));
    assert!(error.to_string().contains("'never-made'"), "{error}");
    let rows = || vec![two_rows()];
    let error = write_all(&on("never-made", &[]), &patient(), rows()).unwrap_err();
    assert_eq!(error.code(), "AR3304");

    broker.create_topic("deleted", 1, &[]);
    broker.produce("deleted", 0, &bodies(0..2));
    let mut driver = reader(&on("deleted", &[FROM_START]), &patient());
    driver.poll_rows(2);
    broker.delete_topic("deleted");
    let error = driver.poll_until(|_| false).unwrap_err();
    assert_eq!(error.code(), "AR3304");
}

fn two_rows() -> argus_base::Batch {
    rows_of(&table(&[]), &[1, 2])
}

fn rows_of(table: &argus_base::connector::TableDescriptor, ids: &[i64]) -> argus_base::Batch {
    let names = ids.iter().map(|id| Some(format!("n{id}")));
    let names: StringViewArray = names.collect();
    batch(table, vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(names)])
}

#[test]
fn rows_are_written_with_key_headers_and_time_and_read_back() {
    let broker = shared();
    broker.create_topic("round", 3, &[]);
    let keyed = [
        ("key.format", "json"),
        ("key.fields", "id"),
        ("value.fields-include", "EXCEPT_KEY"),
        FROM_START,
        TO_END,
    ];
    let orders = with_metadata(on("round", &keyed), &["headers", "timestamp"]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2])),
        Arc::new(StringViewArray::from(vec![Some("a"), None])),
        headers(&[&[("h1", Some("x")), ("h2", None)], &[]]),
        Arc::new(TimestampMillisecondArray::from(vec![1234, 5678]).with_timezone("UTC")),
    ];
    let context = patient();
    write_all(&orders, &context, vec![batch(&orders, columns)]).unwrap();
    let labels = [("job", "test"), ("sink", "orders")];
    assert_eq!(context.metrics.sum("argus_sink_records_total", &labels), 2.0);

    let mut messages = broker.read_plain("round", 2);
    messages.sort_by_key(|message| message.millis);
    let PlainMessage { key, value, millis, headers, .. } = &messages[0];
    assert_eq!(key.as_deref(), Some("{\"id\":1}"));
    assert_eq!(value.as_deref(), Some("{\"name\":\"a\"}"));
    assert_eq!(*millis, Some(1234));
    assert_eq!(headers, &[("h1".to_owned(), Some("x".to_owned())), ("h2".to_owned(), None)]);

    let mut driver = reader(&orders, &patient());
    driver.poll_until(|_| false).unwrap();
    assert_eq!(driver.ids(), [1, 2]);
    let mut times: Vec<i64> = driver.batches.iter().flat_map(times_of).collect();
    times.sort_unstable();
    assert_eq!(times, [1234, 5678]);
    let n_headers: i32 = driver.batches.iter().map(n_headers).sum();
    assert_eq!(n_headers, 2);
}

fn times_of(batch: &arrow_array::RecordBatch) -> Vec<i64> {
    batch.column(3).as_primitive::<TimestampMillisecondType>().values().to_vec()
}

fn n_headers(batch: &arrow_array::RecordBatch) -> i32 {
    let headers = batch.column(2).as_map();
    (0..headers.len()).map(|row| headers.value_length(row)).sum()
}

fn headers(rows: &[&[(&str, Option<&str>)]]) -> ArrayRef {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let (keys, values) = (StringViewBuilder::new(), BinaryViewBuilder::new());
    let mut builder = MapBuilder::new(Some(names), keys, values);
    for row in rows {
        for (name, value) in *row {
            builder.keys().append_value(name);
            builder.values().append_option(*value);
        }
        builder.append(true).unwrap();
    }
    Arc::new(builder.finish())
}

/// Java's default: murmur2 of the key, as `org.apache.kafka.common.utils.Utils` has it.
fn java_partition(key: &[u8], n_partitions: i32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ u32::try_from(key.len()).unwrap();
    let mut chunks = key.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^= hash >> 15;
    (hash & 0x7fff_ffff).cast_signed() % n_partitions
}

#[test]
fn partitions_are_the_java_clients() {
    // Vectors of Kafka's own UtilsTest.
    assert_eq!(java_partition(b"21", i32::MAX), -973_932_308_i32 & i32::MAX);
    assert_eq!(java_partition(b"foobar", i32::MAX), -790_332_482_i32 & i32::MAX);
    let broker = shared();
    broker.create_topic("murmur", 7, &[]);
    let keyed = on("murmur", &[("key.format", "json"), ("key.fields", "id")]);
    let ids: Vec<i64> = (0..200).map(|i| i * 7919).collect();
    write_all(&keyed, &patient(), vec![rows_of(&keyed, &ids)]).unwrap();
    let messages = broker.read_plain("murmur", ids.len());
    assert_eq!(messages.len(), ids.len());
    for message in messages {
        let key = message.key.unwrap();
        assert_eq!(message.partition, java_partition(key.as_bytes(), 7), "{key}");
    }

    broker.create_topic("fixed", 3, &[]);
    let fixed = on("fixed", &[("sink.partitioner", "fixed")]);
    write_all(&fixed, &patient(), vec![rows_of(&fixed, &ids)]).unwrap();
    let messages = broker.read_plain("fixed", ids.len());
    assert!(messages.iter().all(|message| message.partition == 0));
    assert_eq!(messages.len(), ids.len());
}

#[test]
fn messages_that_are_too_long() {
    let broker = shared();
    broker.create_topic("short", 1, &["max.message.bytes=20000"]);
    let long = |n: usize| {
        let names = StringViewArray::from(vec!["a".to_owned(), "x".repeat(n), "b".to_owned()]);
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        vec![batch(&table(&[]), vec![ids, Arc::new(names)])]
    };
    // One that the broker refuses, and one that the client refuses before.
    for n in [30_000, 2_000_000] {
        let error = write_all(&on("short", &[]), &patient(), long(n)).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("AR3308", ErrorKind::Data), "{error}");
        let mut context = patient();
        context.on_sink_error = OnError::Skip;
        write_all(&on("short", &[]), &context, long(n)).unwrap();
        assert_eq!(context.metrics.sum("argus_sink_skipped_total", &[]), 1.0, "{n}");
        assert_eq!(context.metrics.sum("argus_sink_records_total", &[]), 2.0, "{n}");
    }
    // Many rows that together are longer than the limit are no problem.
    let ids: Vec<i64> = (0..5000).collect();
    let orders = on("short", &[]);
    write_all(&orders, &patient(), vec![rows_of(&orders, &ids)]).unwrap();
}

#[test]
fn a_missing_topic_is_created_where_the_job_says_so() {
    let mut context = patient();
    context.settings.insert("argus.kafka.create-topic-partitions".into(), "3".into());
    let orders = on("made", &[FROM_START, TO_END]);
    write_all(&orders, &context, vec![rows_of(&orders, &[1])]).unwrap();
    write_all(&orders, &context, vec![rows_of(&orders, &[2])]).unwrap();
    let mut driver = reader(&orders, &patient());
    driver.poll_until(|_| false).unwrap();
    assert_eq!((driver.ids(), driver.n_splits), (vec![1, 2], 3));
}

#[test]
fn polling_never_waits() {
    let broker = shared();
    broker.create_topic("quick", 1, &[]);
    let context = patient();
    let mut driver = reader(&on("quick", &[FROM_START]), &context);
    let begun = context.env.elapsed();
    let mut n_polls = 0_u32;
    while context.env.elapsed() - begun < Duration::from_secs(1) {
        assert!(!matches!(driver.reader.poll(1000, &[]).unwrap(), SourcePoll::End));
        n_polls += 1;
    }
    assert!(n_polls > 2000, "{n_polls} polls in a second");
}
