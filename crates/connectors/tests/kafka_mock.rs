//! The broker inside the process: enough for a demonstration that writes and reads.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/kafka_table.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod kafka_table;

use std::sync::Arc;
use std::time::Duration;

use argus_connectors::kafka::mock::MockBroker;
use arrow_array::{Int64Array, StringViewArray};
use kafka_table::{batch, patient, reader, table, write_all};

#[test]
fn what_is_written_is_read() {
    let broker = MockBroker::start().unwrap();
    broker.create_topic("orders", 3).unwrap();
    let orders = table(&[
        ("topic", "orders"),
        ("properties.bootstrap.servers", &broker.bootstrap_servers()),
        ("scan.startup.mode", "earliest-offset"),
        ("scan.bounded.mode", "latest-offset"),
        ("key.format", "json"),
        ("key.fields", "id"),
    ]);
    let context = patient();
    let begun = context.env.elapsed();
    let ids: Vec<i64> = (0..5000).collect();
    let names: StringViewArray = ids.iter().map(|id| Some(format!("n{id}"))).collect();
    let rows = batch(&orders, vec![Arc::new(Int64Array::from(ids.clone())), Arc::new(names)]);
    write_all(&orders, &context, vec![rows]).unwrap();
    let mut driver = reader(&orders, &context);
    driver.poll_until(|_| false).unwrap();
    assert_eq!(driver.ids(), ids);
    assert_eq!(driver.n_splits, 3);
    let waited = context.env.elapsed() - begun;
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}
