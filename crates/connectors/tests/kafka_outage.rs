//! A broker that is killed and comes back while a job reads and writes: the job waits, says so,
//! and goes on without losing, repeating or reordering a row.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/kafka_broker.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod broker;
#[path = "common/kafka_table.rs"]
#[allow(dead_code, reason = "each file of tests uses a part")]
mod kafka_table;

use std::sync::Arc;
use std::time::Duration;

use argus_base::Batch;
use argus_base::connector::TableDescriptor;
use argus_base::sink::SinkStatus;
use argus_base::source::SplitStatus;
use arrow_array::{Int64Array, StringViewArray};
use broker::Broker;
use kafka_table::{batch, bodies, bounded_ids, patient, reader, table, wait_for, writer};

fn on(broker: &Broker, topic: &str, options: &[(&str, &str)]) -> TableDescriptor {
    let base = [
        ("topic", topic),
        ("properties.bootstrap.servers", broker.bootstrap()),
        ("scan.startup.mode", "earliest-offset"),
    ];
    table(&[&base[..], options].concat())
}

fn rows(orders: &TableDescriptor, ids: std::ops::Range<i64>) -> Batch {
    let names: StringViewArray = ids.clone().map(|id| Some(format!("n{id}"))).collect();
    let ids: Int64Array = ids.collect();
    batch(orders, vec![Arc::new(ids), Arc::new(names)])
}

#[test]
fn reading_stalls_and_goes_on() {
    let broker = Broker::start(&[]);
    broker.create_topic("stall", 1, &[]);
    broker.produce("stall", 0, &bodies(0..1000));
    let mut driver = reader(&on(&broker, "stall", &[]), &patient());
    driver.poll_rows(1000);
    driver.poll_until(|driver| driver.statuses() == [SplitStatus::CaughtUp]).unwrap();
    assert!(driver.reader.is_ready());
    broker.kill();
    driver.poll_until(|driver| driver.statuses() == [SplitStatus::Unreachable]).unwrap();
    assert!(!driver.reader.is_ready());
    broker.come_back();
    broker.produce("stall", 0, &bodies(1000..2000));
    driver.poll_rows(2000);
    driver.poll_until(|driver| driver.statuses() == [SplitStatus::CaughtUp]).unwrap();
    driver.poll_until(|driver| driver.reader.is_ready()).unwrap();
    assert_eq!(driver.ids(), (0..2000).collect::<Vec<i64>>());
}

#[test]
fn writing_stalls_and_goes_on() {
    let broker = Broker::start(&[]);
    broker.create_topic("flow", 1, &[]);
    let context = patient();
    let orders = on(&broker, "flow", &[("scan.bounded.mode", "latest-offset")]);
    let mut writer = writer(&orders, &context);
    for i in 0..20 {
        wait_for(&mut *writer, &context, SinkStatus::Ready).unwrap();
        writer.write(rows(&orders, i * 500..(i + 1) * 500)).unwrap();
    }
    assert!(writer.is_ready());
    broker.kill();
    // With nobody to deliver to, the bounded queues fill and the writer blocks.
    let mut n_written = 20;
    let begun = context.env.elapsed();
    let mut n_blocked = 0;
    while n_blocked < 200 {
        assert!(context.env.elapsed() - begun < Duration::from_secs(60));
        if writer.poll().unwrap() == SinkStatus::Ready {
            writer.write(rows(&orders, n_written * 500..(n_written + 1) * 500)).unwrap();
            n_written += 1;
            n_blocked = 0;
        } else {
            n_blocked += 1;
            context.env.sleep(Duration::from_millis(5));
        }
    }
    assert!(!writer.is_ready());
    broker.come_back();
    wait_for(&mut *writer, &context, SinkStatus::Ready).unwrap();
    writer.end_input().unwrap();
    wait_for(&mut *writer, &context, SinkStatus::Drained).unwrap();
    let n_rows = n_written * 500;
    let ids = bounded_ids(&orders);
    assert_eq!(ids.len(), usize::try_from(n_rows).unwrap());
    assert_eq!(ids, (0..n_rows).collect::<Vec<i64>>());
    assert_eq!(context.metrics.sum("argus_sink_records_total", &[]) as i64, n_rows);
}

#[test]
fn a_job_that_starts_before_its_broker_waits_for_it() {
    let broker = Broker::start(&[]);
    broker.create_topic("early", 1, &[]);
    broker.produce("early", 0, &bodies(0..3));
    broker.kill();
    let mut driver = reader(&on(&broker, "early", &[]), &patient());
    assert!(!driver.reader.is_ready());
    broker.come_back();
    driver.poll_rows(3);
    assert_eq!(driver.ids(), [0, 1, 2]);
}

#[test]
fn an_idle_writer_knows_when_its_broker_is_away() {
    let broker = Broker::start(&[]);
    broker.create_topic("idle", 1, &[]);
    let context = patient();
    let orders = on(&broker, "idle", &[]);
    let mut writer = writer(&orders, &context);
    let mut wait_until_ready = |wanted: bool| {
        let begun = context.env.elapsed();
        while writer.is_ready() != wanted {
            writer.poll().unwrap();
            assert!(context.env.elapsed() - begun < Duration::from_secs(30), "{wanted}");
            context.env.sleep(Duration::from_millis(5));
        }
    };
    wait_until_ready(true);
    broker.kill();
    wait_until_ready(false);
    broker.come_back();
    wait_until_ready(true);
}
