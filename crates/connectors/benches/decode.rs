//! Decode speed on one core: `cargo bench -p argus-connectors --bench decode`.
//!
//! Prints rows per second of each case, the best of several rounds, so that a busy machine
//! disturbs less. The batches are those of a busy topic: 4096 messages.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use argus_base::connector::{ProjectedField, Projection};
use argus_base::option::Options;
use argus_base::{Field, LogicalType, TypeRoot};
use argus_connectors::format::{Decoder, FormatContext, lookup};
use argus_connectors::message::MessageBatch;

const N_MESSAGES: usize = 4096;
const N_ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(600);

fn main() {
    println!("{:<34} {:>10} {:>10} {:>12} {:>9}", "case", "bytes/row", "ns/row", "rows/s", "MB/s");
    let json = batch(json_body);
    run("json, 3 of 6 columns", "json", &order(), &columns(&[1, 2, 4]), &json);
    run("json, 6 of 6 columns", "json", &order(), &Projection::all(6), &json);
    let avro = batch(avro_body);
    run("avro, 5 of 19 leaves", "avro", &download(), &five_leaves(), &avro);
    run("avro, 19 of 19 leaves", "avro", &download(), &Projection::all(6), &avro);
    let csv = batch(csv_body);
    run("csv, 3 of 6 columns", "csv", &order(), &columns(&[1, 2, 4]), &csv);
}

/// Decodes the batch over and over and prints the best round.
fn run(case: &str, format: &str, schema: &[Field], projection: &Projection, batch: &MessageBatch) {
    let mut decoder = decoder(format, schema, projection);
    let decoded = decoder.decode(batch).expect("columns");
    assert_eq!((decoded.n_rows, decoded.failures.len()), (batch.len(), 0), "{case}");
    let best = (0..N_ROUNDS).map(|_| round(decoder.as_mut(), batch)).fold(f64::MAX, f64::min);
    let bytes = batch.bytes.len() as f64 / batch.len() as f64;
    println!(
        "{case:<34} {bytes:>10.1} {best:>10.1} {:>12.0} {:>9.0}",
        1e9 / best,
        bytes / best * 1e3
    );
}

/// Nanoseconds a row.
fn round(decoder: &mut dyn Decoder, batch: &MessageBatch) -> f64 {
    let (start, mut n_rows) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        n_rows += black_box(decoder.decode(black_box(batch)).expect("columns")).n_rows;
    }
    start.elapsed().as_nanos() as f64 / n_rows as f64
}

fn decoder(format: &str, schema: &[Field], projection: &Projection) -> Box<dyn Decoder> {
    let format = lookup(format).expect("a known format");
    let options = Options::check(format.spec.options.iter().copied(), &BTreeMap::new());
    let options = options.expect("no option is bad");
    let context = FormatContext { schema, projection, options: &options, time_zone: "UTC" };
    (format.decoder)(&context).expect("a decoder")
}

fn batch(body: impl Fn(usize) -> Vec<u8>) -> MessageBatch {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for i in 0..N_MESSAGES {
        bytes.extend(body(i));
        ends.push(bytes.len() as u32);
    }
    MessageBatch { bytes: bytes.into(), ends, nulls: None }
}

fn columns(indices: &[usize]) -> Projection {
    Projection(indices.iter().map(|&index| ProjectedField { index, nested: None }).collect())
}

fn field(name: &str, root: TypeRoot) -> Field {
    Field::new(name, root.nullable())
}

fn order() -> Vec<Field> {
    vec![
        field("order_id", TypeRoot::STRING),
        field("customer", TypeRoot::STRING),
        field("quantity", TypeRoot::BigInt),
        field("price", TypeRoot::Double),
        field("ordered_at", TypeRoot::timestamp(3)),
        field("note", TypeRoot::STRING),
    ]
}

fn json_body(i: usize) -> Vec<u8> {
    format!(
        concat!(
            r#"{{"order_id":"o-{:08}","customer":"customer-{:05}","quantity":{},"price":{}.{:02},"#,
            r#""ordered_at":"2024-05-17 12:{:02}:{:02}.{:03}","note":"left at the door {:04}"}}"#
        ),
        i,
        i % 1000,
        i % 100,
        i % 500,
        i % 100,
        i / 60 % 60,
        i % 60,
        i % 1000,
        i
    )
    .into_bytes()
}

fn csv_body(i: usize) -> Vec<u8> {
    format!(
        "o-{:08},customer-{:05},{},{}.{:02},2024-05-17 12:{:02}:{:02}.{:03},left at the door {:04}",
        i,
        i % 1000,
        i % 100,
        i % 500,
        i % 100,
        i / 60 % 60,
        i % 60,
        i % 1000,
        i
    )
    .into_bytes()
}

fn row(fields: &[(&str, LogicalType)]) -> LogicalType {
    let field = |(name, t): &(&str, LogicalType)| Field::new(*name, t.clone());
    TypeRoot::Row(fields.iter().map(field).collect()).not_null()
}

/// The download event of the StreamPulse pipeline.
fn download() -> Vec<Field> {
    let text = || TypeRoot::STRING.not_null();
    let optional = || TypeRoot::STRING.nullable();
    let int = || TypeRoot::Int.not_null();
    let float = || TypeRoot::Float.not_null();
    vec![
        Field::new("event_id", text()),
        Field::new("timestamp", TypeRoot::BigInt.not_null()),
        Field::new("user_id", text()),
        Field::new(
            "content",
            row(&[
                ("content_id", text()),
                ("title", text()),
                ("type", text()),
                ("category", text()),
                ("size_mb", int()),
                ("price", float()),
            ]),
        ),
        Field::new(
            "download",
            row(&[
                ("status", text()),
                ("duration_seconds", int()),
                ("speed_mbps", float()),
                ("error_code", optional()),
                ("error_message", optional()),
            ]),
        ),
        Field::new(
            "user_context",
            row(&[
                ("region", text()),
                ("city", text()),
                ("device", text()),
                ("os_version", text()),
                ("connection_type", text()),
            ]),
        ),
    ]
}

/// timestamp, content.content_id, content.title, download.status, user_context.region.
fn five_leaves() -> Projection {
    let nested = |index, inner: &[usize]| ProjectedField { index, nested: Some(columns(inner)) };
    Projection(vec![
        ProjectedField { index: 1, nested: None },
        nested(3, &[0, 1]),
        nested(4, &[0]),
        nested(5, &[0]),
    ])
}

fn avro_body(i: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let failed = i.is_multiple_of(10);
    text(&mut out, &format!("5f0c7a4e-9d1b-4c39-8a35-{i:012}"));
    long(&mut out, 1_715_900_000_000 + i as i64 * 37);
    text(&mut out, &format!("user_{:06}", i % 5000));
    text(&mut out, ["mov_avengers_2", "mov_taylor_swift", "mov_batman"][i % 3]);
    text(&mut out, ["Avengers: Secret Wars", "The Eras Tour", "The Batman Part II"][i % 3]);
    text(&mut out, "movie");
    text(&mut out, "action");
    long(&mut out, 3200);
    out.extend_from_slice(&19.99f32.to_le_bytes());
    text(&mut out, if failed { "failed" } else { "success" });
    long(&mut out, 60 + i as i64 % 120);
    out.extend_from_slice(&(25.0 + (i % 25) as f32).to_le_bytes());
    if failed {
        long(&mut out, 1);
        text(&mut out, "cdn_timeout");
        long(&mut out, 1);
        text(&mut out, "CDN did not answer in time");
    } else {
        out.extend_from_slice(&[0, 0]);
    }
    text(&mut out, ["US-California", "EU-London", "ASIA-Tokyo"][i % 3]);
    text(&mut out, ["San Francisco", "London", "Tokyo"][i % 3]);
    text(&mut out, "iPhone 15 Pro");
    text(&mut out, "iOS 18.1");
    text(&mut out, "wifi");
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    long(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
