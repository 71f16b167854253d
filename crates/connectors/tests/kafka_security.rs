//! Who may connect: SASL, TLS, wrong passwords, and brokers that are not there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/kafka_broker.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod broker;
#[path = "common/kafka_table.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod kafka_table;

use std::sync::Arc;
use std::time::Duration;

use argus_base::connector::ConnectorContext;
use argus_base::connector::TableDescriptor;
use argus_base::{Batch, Error, ErrorKind};
use arrow_array::{Int64Array, StringViewArray};
use broker::{Broker, shared};
use kafka_table::{batch, bounded_ids, context, patient, read_error, table, write_all};

const TOPIC: &str = "guarded";

fn jaas(module: &str, user: &str, password: &str) -> String {
    let package = "org.apache.kafka.common.security";
    format!("{package}.{module} required username=\"{user}\" password=\"{password}\";")
}

fn guarded(listener: &str, properties: &[(&str, &str)]) -> TableDescriptor {
    let mut orders = table(&[
        ("topic", TOPIC),
        ("scan.startup.mode", "earliest-offset"),
        ("scan.bounded.mode", "latest-offset"),
        ("properties.bootstrap.servers", shared().variable(listener)),
    ]);
    for (name, value) in properties {
        orders.options.insert(format!("properties.{name}"), (*value).to_owned());
    }
    orders
}

fn make_topic() {
    static MADE: std::sync::Once = std::sync::Once::new();
    MADE.call_once(|| {
        shared().create_topic(TOPIC, 1, &[]);
        shared().produce(TOPIC, 0, &kafka_table::bodies(0..3));
    });
}

fn check_reads(orders: &TableDescriptor) {
    make_topic();
    assert!(bounded_ids(orders).starts_with(&[0, 1, 2]), "{:?}", orders.options);
}

#[test]
fn sasl() {
    let ca = format!("{}/ca.pem", shared().variable("CERTS"));
    let plain = jaas("plain.PlainLoginModule", "alice", "alice-secret");
    let scram = jaas("scram.ScramLoginModule", "bob", "bob-secret");
    let ways = [("PLAIN", &plain), ("SCRAM-SHA-256", &scram), ("SCRAM-SHA-512", &scram)];
    for (mechanism, jaas) in ways {
        let sasl = [("sasl.mechanism", mechanism), ("sasl.jaas.config", jaas)];
        let plaintext = [("security.protocol", "SASL_PLAINTEXT")];
        check_reads(&guarded("SASL_PLAINTEXT", &[&plaintext[..], &sasl].concat()));
        let tls = [
            ("security.protocol", "SASL_SSL"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &ca),
        ];
        check_reads(&guarded("SASL_SSL", &[&tls[..], &sasl].concat()));
    }
}

#[test]
fn tls_with_and_without_a_client_certificate() {
    let certs = shared().variable("CERTS");
    let read = |name: &str| std::fs::read_to_string(format!("{certs}/{name}")).unwrap();
    let ca = read("ca.pem");
    let tls = [("security.protocol", "SSL"), ("ssl.truststore.certificates", ca.as_str())];
    check_reads(&guarded("SSL", &tls));

    let (key, chain) = (read("client.key"), read("client.pem"));
    let pem = [("ssl.keystore.key", key.as_str()), ("ssl.keystore.certificate.chain", &chain)];
    check_reads(&guarded("MTLS", &[&tls[..], &pem].concat()));
    let store = format!("{certs}/client.p12");
    let pkcs12 = [
        ("ssl.keystore.type", "PKCS12"),
        ("ssl.keystore.location", store.as_str()),
        ("ssl.keystore.password", "changeit"),
    ];
    check_reads(&guarded("MTLS", &[&tls[..], &pkcs12].concat()));
    let both = format!("{certs}/client-both.pem");
    std::fs::write(&both, format!("{chain}{key}")).unwrap();
    let file = [("ssl.keystore.type", "PEM"), ("ssl.keystore.location", both.as_str())];
    check_reads(&guarded("MTLS", &[&tls[..], &file].concat()));
}

#[test]
fn an_untrusted_broker_is_refused() {
    let error = read_error(&guarded("SSL", &[("security.protocol", "SSL")]), &patient());
    assert_eq!((error.code(), error.kind()), ("AR3305", ErrorKind::User), "{error}");
    let missing = [
        ("security.protocol", "SSL"),
        ("ssl.truststore.type", "PEM"),
        ("ssl.truststore.location", "/nowhere/ca.pem"),
    ];
    let error = read_error(&guarded("SSL", &missing), &patient());
    assert_eq!(error.code(), "AR3309", "{error}");
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[test]
fn a_wrong_password_is_told_at_once() {
    make_topic();
    for (mechanism, module) in
        [("PLAIN", "plain.PlainLoginModule"), ("SCRAM-SHA-256", "scram.ScramLoginModule")]
    {
        let wrong = jaas(module, "alice", "geheim");
        let orders = guarded(
            "SASL_PLAINTEXT",
            &[
                ("security.protocol", "SASL_PLAINTEXT"),
                ("sasl.mechanism", mechanism),
                ("sasl.jaas.config", &wrong),
            ],
        );
        let context = patient();
        let begun = context.env.elapsed();
        let error = read_error(&orders, &context);
        assert_eq!((error.code(), error.kind()), ("AR3302", ErrorKind::User), "{error}");
        assert!(!error.to_string().contains("geheim"), "{error}");
        let error = write_all(&orders, &context, vec![one_row(&orders)]).unwrap_err();
        assert_eq!(error.code(), "AR3302", "{error}");
        let waited = context.env.elapsed() - begun;
        assert!(waited < Duration::from_secs(15), "{waited:?}");
    }
}

#[test]
fn a_restarted_job_gives_the_brokers_time_to_know_it() {
    make_topic();
    let wrong = jaas("plain.PlainLoginModule", "alice", "geheim");
    let orders = guarded(
        "SASL_PLAINTEXT",
        &[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.jaas.config", &wrong),
        ],
    );
    let context = ConnectorContext { is_restart: true, ..patient() };
    let refused = |refuse: &dyn Fn() -> Error| {
        let begun = context.env.elapsed();
        let error = refuse();
        assert_eq!((error.code(), error.kind()), ("AR3302", ErrorKind::User), "{error}");
        let waited = context.env.elapsed() - begun;
        assert!((5..15).contains(&waited.as_secs()), "{waited:?}");
    };
    refused(&|| read_error(&orders, &context));
    refused(&|| write_all(&orders, &context, vec![one_row(&orders)]).unwrap_err());
}

#[test]
fn a_user_without_rights_is_told_at_once() {
    let broker = Broker::start(&[
        "--secure",
        "--set",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "--set",
        "super.users=User:admin;User:ANONYMOUS",
    ]);
    broker.create_topic(TOPIC, 1, &[]);
    let jaas = jaas("plain.PlainLoginModule", "alice", "alice-secret");
    let mut orders = guarded(
        "SASL_PLAINTEXT",
        &[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.jaas.config", &jaas),
        ],
    );
    let listener = broker.variable("SASL_PLAINTEXT").to_owned();
    orders.options.insert("properties.bootstrap.servers".into(), listener);
    let error = read_error(&orders, &patient());
    assert_eq!((error.code(), error.kind()), ("AR3303", ErrorKind::User), "{error}");
    let row = one_row(&orders);
    let error = write_all(&orders, &patient(), vec![row]).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("AR3303", ErrorKind::User), "{error}");
}

fn one_row(orders: &TableDescriptor) -> Batch {
    let ids = Arc::new(Int64Array::from(vec![1]));
    batch(orders, vec![ids, Arc::new(StringViewArray::from(vec!["a"]))])
}

#[test]
fn an_unreachable_broker_is_waited_for_and_named() {
    let mut orders = guarded("BOOTSTRAP", &[]);
    orders.options.insert("properties.bootstrap.servers".into(), "127.0.0.1:9".into());
    let context = context(Duration::from_secs(2));
    let begun = context.env.elapsed();
    let error = read_error(&orders, &context);
    assert_eq!((error.code(), error.kind()), ("AR3301", ErrorKind::Transient));
    let text = error.to_string();
    assert!(text.contains("127.0.0.1:9") && text.contains("refused"), "{text}");
    let waited = context.env.elapsed() - begun;
    assert!((2..10).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn plaintext_ignores_unfinished_security() {
    let harmless = [
        ("security.protocol", "PLAINTEXT"),
        ("sasl.mechanism", "SCRAM-SHA-256"),
        ("sasl.jaas.config", "x.ScramLoginModule required username=\"\" password=\"\";"),
        ("ssl.truststore.location", ""),
    ];
    check_reads(&guarded("BOOTSTRAP", &harmless));
}
