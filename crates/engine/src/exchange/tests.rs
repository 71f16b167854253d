//! Queues, partitioning and merging, without threads.

use argus_base::id::CheckpointId;
use argus_base::time::Watermark;
use argus_base::{Batch, Element};
use argus_plan::graph::Partitioning;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};

use super::*;
use std::sync::Arc;

fn channel() -> Arc<Channel> {
    Arc::new(Channel::new(Arc::default(), Arc::default()))
}

fn batch(values: Vec<i64>) -> Element {
    let column: ArrayRef = Arc::new(Int64Array::from(values));
    Element::Batch(Batch::inserts(RecordBatch::try_from_iter([("k", column)]).unwrap()))
}

fn show(element: &Element) -> String {
    match element {
        Element::Batch(batch) => {
            let values = batch.records.column(0).as_primitive::<Int64Type>().values().to_vec();
            format!("{values:?}")
        }
        Element::Watermark(watermark) => format!("wm{}", watermark.0),
        Element::Barrier(checkpoint) => format!("barrier{}", checkpoint.0),
        Element::Tick(now) => format!("tick{}", now.0),
        Element::Idle => "idle".to_owned(),
        Element::Active => "active".to_owned(),
        Element::End => "end".to_owned(),
    }
}

fn drain(receiver: &mut Receiver) -> String {
    let mut shown = Vec::new();
    while let Some(element) = receiver.poll() {
        shown.push(show(&element));
    }
    shown.join(" ")
}

#[test]
fn equal_keys_meet_and_no_row_is_lost() {
    let channels: Vec<_> = (0..4).map(|_| channel()).collect();
    let mut sender = Sender::new(Partitioning::Hash(vec![0]), channels.clone(), 128, 0);
    sender.send(&batch((0..1_000).map(|i| i % 100).collect())).unwrap();
    let mut seen = vec![0; 100];
    for channel in &channels {
        let Some(Element::Batch(batch)) = channel.pop() else { panic!("no rows") };
        let values = batch.records.column(0).as_primitive::<Int64Type>().values().to_vec();
        let mut keys = values.clone();
        keys.sort_unstable();
        keys.dedup();
        keys.iter().for_each(|key| seen[usize::try_from(*key).unwrap()] += 1);
        assert_eq!(values.len(), keys.len() * 10);
    }
    assert!(seen.iter().all(|n_channels| *n_channels == 1));
}

#[test]
fn credit_ends_at_the_capacity_and_comes_back() {
    let channel = channel();
    let sender = Sender::new(Partitioning::Single, vec![channel.clone()], 128, 0);
    let mut n_sent = 0;
    while sender.has_credit() {
        channel.push(batch(vec![1]));
        n_sent += 1;
    }
    assert_eq!(n_sent, 16);
    channel.pop();
    assert!(sender.has_credit());
}

#[test]
fn watermarks_idle_and_end_are_merged() {
    let channels = vec![channel(), channel()];
    let mut receiver = Receiver::new(channels.clone());
    channels[0].push(Element::Watermark(Watermark(5)));
    assert_eq!(drain(&mut receiver), "");
    channels[1].push(Element::Idle);
    assert_eq!(drain(&mut receiver), "wm5");
    channels[0].push(Element::Idle);
    assert_eq!(drain(&mut receiver), "idle");
    channels[0].push(Element::Watermark(Watermark::MAX));
    channels[0].push(Element::End);
    channels[1].push(Element::Watermark(Watermark::MAX));
    channels[1].push(Element::End);
    assert_eq!(drain(&mut receiver), format!("wm{} end", i64::MAX));
}

#[test]
fn one_active_sender_holds_the_watermark_back_before_its_rows_come() {
    let channels = vec![channel(), channel()];
    let mut receiver = Receiver::new(channels.clone());
    channels[0].push(Element::Idle);
    channels[1].push(Element::Idle);
    assert_eq!(drain(&mut receiver), "idle");
    channels[1].push(Element::Active);
    channels[0].push(Element::Active);
    channels[0].push(Element::Watermark(Watermark(5)));
    assert_eq!(drain(&mut receiver), "active");
    channels[1].push(batch(vec![1]));
    channels[1].push(Element::Watermark(Watermark(7)));
    assert_eq!(drain(&mut receiver), "[1] wm5");
}

#[test]
fn a_barrier_waits_for_all_and_holds_only_its_channel() {
    let channels = vec![channel(), channel()];
    let mut receiver = Receiver::new(channels.clone());
    channels[0].push(Element::Barrier(CheckpointId(1)));
    channels[0].push(batch(vec![2]));
    channels[1].push(batch(vec![1]));
    assert_eq!(drain(&mut receiver), "[1]");
    channels[1].push(Element::Barrier(CheckpointId(1)));
    assert_eq!(drain(&mut receiver), "barrier1 [2]");
}
