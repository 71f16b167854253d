//! What a table's options mean, in the words of a script.

use std::collections::BTreeMap;

use argus_base::{Field, TypeRoot};

use super::*;
use crate::kafka::startup::Offset;

const BASE: [(&str, &str); 4] = [
    ("connector", "kafka"),
    ("topic", "orders"),
    ("properties.bootstrap.servers", "localhost:9092"),
    ("format", "json"),
];

fn table(written: &[(&str, &str)]) -> TableDescriptor {
    let mut options: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in BASE.iter().chain(written) {
        if value.is_empty() {
            options.remove(*key);
        } else {
            options.insert((*key).into(), (*value).into());
        }
    }
    TableDescriptor {
        name: "orders".into(),
        options,
        physical: vec![
            Field::new("k_id", TypeRoot::BigInt.nullable()),
            Field::new("name", TypeRoot::STRING.nullable()),
        ],
        metadata: vec![],
        primary_key: vec![],
        partition_keys: vec![],
    }
}

fn source(written: &[(&str, &str)]) -> SourceOptions {
    SourceOptions::parse(&table(written)).unwrap()
}

fn error(written: &[(&str, &str)]) -> String {
    check(&table(written)).unwrap_err().to_string()
}

#[test]
fn defaults_are_flinks() {
    let options = source(&[]);
    assert_eq!(options.startup, StartupMode::GroupOffsets);
    assert_eq!(options.reset, OffsetReset::None);
    assert_eq!(options.bounded, BoundedMode::Unbounded);
    assert_eq!(options.discovery_interval, Some(Duration::from_secs(300)));
    assert!(!options.read_uncommitted);
    assert!(options.layout.key.is_none());
    assert_eq!(options.layout.value.columns, [0, 1]);
    assert_eq!(options.client.servers, "localhost:9092");
    let sink = SinkOptions::parse(&table(&[])).unwrap();
    assert_eq!(sink.partitioner, Partitioner::ByKey);
    assert_eq!((sink.guarantee, sink.transactional_id_prefix), (None, None));
}

#[test]
fn start_and_end_modes() {
    let startup = |written: &[(&str, &str)]| source(written).startup;
    assert_eq!(startup(&[("scan.startup.mode", "earliest-offset")]), StartupMode::Earliest);
    assert_eq!(startup(&[("scan.startup.mode", "LATEST-OFFSET")]), StartupMode::Latest);
    let at = [("scan.startup.mode", "timestamp"), ("scan.startup.timestamp-millis", "1700")];
    assert_eq!(startup(&at), StartupMode::Timestamp(1700));
    let offsets = OffsetsByPartition::from([(0, Offset(42)), (1, Offset(300))]);
    let specific = [
        ("scan.startup.mode", "specific-offsets"),
        ("scan.startup.specific-offsets", "partition:0,offset:42;partition:1,offset:300"),
        ("scan.bounded.mode", "specific-offsets"),
        ("scan.bounded.specific-offsets", "partition:0,offset:42;partition:1,offset:300"),
    ];
    assert_eq!(startup(&specific), StartupMode::SpecificOffsets(offsets.clone()));
    assert_eq!(source(&specific).bounded, BoundedMode::SpecificOffsets(offsets));
    let reset = source(&[("properties.auto.offset.reset", "earliest")]);
    assert_eq!(reset.reset, OffsetReset::Earliest);
    let group = ("properties.group.id", "g");
    let silent = ("properties.commit.offsets.on.checkpoint", "false");
    let commits = |written: &[(&str, &str)]| source(written).commits_offsets;
    assert_eq!((commits(&[]), commits(&[group]), commits(&[group, silent])), (false, true, false));
    let interval = source(&[("scan.topic-partition-discovery.interval", "0")]);
    assert_eq!(interval.discovery_interval, None);
    let interval = source(&[("properties.partition.discovery.interval.ms", "500")]);
    assert_eq!(interval.discovery_interval, Some(Duration::from_millis(500)));
}

#[test]
fn start_and_end_modes_need_their_options() {
    assert_eq!(
        error(&[("scan.startup.mode", "timestamp")]),
        "missing required option 'scan.startup.timestamp-millis': 'scan.startup.mode' = \
         'timestamp' needs it."
    );
    assert!(error(&[("scan.bounded.mode", "specific-offsets")]).contains("needs it"));
    let several = [
        ("topic", "a;b"),
        ("scan.startup.mode", "specific-offsets"),
        ("scan.startup.specific-offsets", "partition:0,offset:42"),
    ];
    assert!(error(&several).contains("with a single 'topic' only"));
    let bad =
        [("scan.startup.mode", "specific-offsets"), ("scan.startup.specific-offsets", "0:42")];
    assert!(error(&bad).contains("expected 'partition:0,offset:42;"));
}

#[test]
fn topics() {
    let TopicSelection::Names(names) = source(&[("topic", "a; b")]).topics else { panic!("names") };
    assert_eq!(names, ["a", "b"]);
    let pattern = source(&[("topic", ""), ("topic-pattern", "orders-(?!test).*")]);
    let TopicSelection::Pattern(pattern) = pattern.topics else { panic!("pattern") };
    assert!(pattern.is_match("orders-eu").unwrap());
    assert!(!pattern.is_match("orders-test1").unwrap());
    assert!(!pattern.is_match("my-orders-eu").unwrap());
    assert!(error(&[("topic", "")]).starts_with("missing required option 'topic'"));
    assert!(error(&[("topic-pattern", "x")]).contains("exclude each other"));
    let error = error(&[("topic", ""), ("topic-pattern", "(")]);
    assert!(error.contains("no regular expression"), "{error}");
}

#[test]
fn keys() {
    let keyed = [
        ("key.format", "json"),
        ("key.fields", "k_id"),
        ("key.fields-prefix", "k_"),
        ("value.fields-include", "EXCEPT_KEY"),
    ];
    let layout = source(&keyed).layout;
    assert_eq!(layout.key.unwrap().columns, [0]);
    assert_eq!(layout.value.columns, [1]);
    assert!(error(&keyed[..1]).contains("needs 'key.fields'"));
    assert!(error(&[("key.fields", "k_id")]).contains("needs 'key.format'"));
    assert!(error(&keyed[..3]).contains("needs 'value.fields-include'"));
    let unknown = [("key.format", "json"), ("key.fields", "id")];
    assert!(error(&unknown).contains("there are k_id, name"));
    let round_robin =
        [("key.format", "json"), ("key.fields", "name"), ("sink.partitioner", "round-robin")];
    assert!(error(&round_robin).contains("cannot be used with 'key.fields'"));
}

#[test]
fn delivery_guarantees() {
    let written = [
        ("sink.delivery-guarantee", "Exactly-Once"),
        ("sink.transactional-id-prefix", "x"),
        ("properties.transaction.timeout.ms", "60000"),
    ];
    let sink = SinkOptions::parse(&table(&written)).unwrap();
    assert_eq!(sink.guarantee, Some(Guarantee::ExactlyOnce));
    assert_eq!(sink.transactional_id_prefix.as_deref(), Some("x"));
    assert_eq!(sink.transaction_timeout, Some(Duration::from_secs(60)));
    let sink = SinkOptions::parse(&table(&[("sink.delivery-guarantee", "none")])).unwrap();
    assert_eq!(sink.guarantee, Some(Guarantee::None));
}

#[test]
fn what_is_refused() {
    assert_eq!(
        error(&[("scan.startup.mod", "x")]),
        "unknown option 'scan.startup.mod'; did you mean 'scan.startup.mode'?"
    );
    assert!(error(&[("properties.bootstrap.servers", "")]).contains("missing required option"));
    assert!(error(&[("properties.transaction.timeout.ms", "1 h")]).contains("expected millisec"));
    assert!(error(&[("sink.partitioner", "com.x.Y")]).contains("Java classes"));
    let error_text = error(&[("properties.linger.ms", "soon")]);
    assert!(error_text.contains("'properties.linger.ms' = 'soon'"), "{error_text}");
    let jaas = error(&[
        ("properties.security.protocol", "SASL_SSL"),
        ("properties.sasl.mechanism", "PLAIN"),
        ("properties.sasl.jaas.config", "x.PlainLoginModule required username=\"a\" geheim"),
    ]);
    assert!(!jaas.contains("geheim=") && jaas.contains("properties.sasl.jaas.config"), "{jaas}");
    let mut keyed = table(&[]);
    keyed.primary_key = vec![0];
    let error = check(&keyed).unwrap_err().to_string();
    assert!(error.contains("PRIMARY KEY"), "{error}");
    let mut pattern = table(&[("topic", ""), ("topic-pattern", "x")]);
    assert!(SinkOptions::parse(&pattern).unwrap_err().to_string().contains("cannot be written"));
    pattern.options.insert("properties.zzz".into(), "1".into());
    assert_eq!(SourceOptions::parse(&pattern).unwrap().client.ignored, ["zzz"]);
}
