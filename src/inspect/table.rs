//! The document for people.

use std::fmt::Write;

use super::document::{Checkpoint, Contents, DAMAGED, Document, EpochLog, Operator};
use crate::output::bytes;
use crate::output::table::write_rows;

/// The text of a document.
pub fn document(found: &Document) -> String {
    let mut out = format!("{} {}\n", found.kind, found.place);
    if let Some(log) = &found.epoch_log {
        let _infallible = writeln!(out, "{}", epoch_log(log));
    }
    if found.checkpoints.is_empty() {
        out.push_str("no checkpoint\n");
        return out;
    }
    let names = ["checkpoint", "commit", "state", "created", "segments", "bytes"];
    rows(&mut out, &names, found.checkpoints.iter().map(checkpoint).collect());
    for damaged in found.checkpoints.iter().filter(|known| known.state == DAMAGED) {
        let reason = damaged.reason.as_deref().unwrap_or_default();
        let _infallible = writeln!(out, "checkpoint {}: {reason}", damaged.checkpoint);
    }
    let is_shown = |known: &&Checkpoint| Some(known.checkpoint) == found.shown;
    let shown = found.checkpoints.iter().find(is_shown);
    if let Some((id, contents)) =
        shown.and_then(|shown| Some((shown.checkpoint, shown.contents.as_ref()?)))
    {
        write_contents(&mut out, id, contents);
    }
    out
}

fn epoch_log(log: &EpochLog) -> String {
    if log.state == DAMAGED {
        return format!("epoch log damaged: {}", log.reason.as_deref().unwrap_or_default());
    }
    let owner = log.generation.map_or("-".to_owned(), |generation| generation.to_string());
    match &log.committed {
        Some(last) => format!(
            "owner generation {owner}, incarnation {}, last commit: checkpoint {}",
            last.incarnation, last.checkpoint
        ),
        None => format!("owner generation {owner}, nothing committed"),
    }
}

fn checkpoint(known: &Checkpoint) -> Vec<String> {
    let contents = known.contents.as_ref();
    let of = |text: fn(&Contents) -> String| contents.map_or_else(String::new, text);
    vec![
        known.checkpoint.to_string(),
        known.commit.clone(),
        known.state.clone(),
        of(|contents| contents.created_at.clone()),
        of(|contents| contents.segments.len().to_string()),
        of(|contents| bytes(contents.bytes)),
    ]
}

fn write_contents(out: &mut String, id: u64, contents: &Contents) {
    let Contents { job, engine, generation, max_parallelism, .. } = contents;
    let _infallible = writeln!(
        out,
        "\ncheckpoint {id} of job {job}: written by Argus {engine}, generation {generation}, \
         incarnation {}, {max_parallelism} key groups",
        contents.incarnation
    );
    let names = [
        "operator",
        "id",
        "subtasks",
        "keys in memory",
        "slices",
        "memory",
        "segments",
        "watermark",
    ];
    rows(out, &names, contents.operators.iter().map(operator).collect());
    for operator in &contents.operators {
        write_splits(out, operator);
    }
    let (n_segments, size) = (contents.segments.len(), bytes(contents.bytes));
    let _infallible = writeln!(out, "{n_segments} segments, {size}");
    for segment in contents.segments.iter().filter(|segment| segment.state == DAMAGED) {
        let reason = segment.reason.as_deref().unwrap_or_default();
        let _infallible = writeln!(out, "damaged: {reason}");
    }
    for staged in &contents.staged {
        let _infallible = writeln!(
            out,
            "not applied yet: {} of {}, subtask {}, epoch {}",
            staged.what, staged.name, staged.subtask, staged.checkpoint
        );
    }
}

fn operator(operator: &Operator) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
    vec![
        operator.name.clone(),
        operator.operator.clone(),
        operator.parallelism.to_string(),
        number(operator.keys),
        number(operator.slices.map(|slices| slices as u64)),
        operator.state_bytes.map_or_else(String::new, bytes),
        number(operator.keys.map(|_| operator.segments.len() as u64)),
        operator.watermark.clone().unwrap_or_default(),
    ]
}

fn write_splits(out: &mut String, operator: &Operator) {
    if operator.positions.is_empty() {
        return;
    }
    let positions: Vec<String> =
        operator.positions.iter().map(|at| format!("{} at {}", at.split, at.position)).collect();
    let _infallible = writeln!(out, "{}: {}", operator.name, positions.join(", "));
    let watermarks = operator.split_watermarks.iter().map(|of| {
        let watermark = of.watermark.as_deref().unwrap_or("-");
        match (&of.topic, of.partition) {
            (Some(topic), Some(partition)) => format!("{topic} {partition} at {watermark}"),
            _ => format!("all at {watermark}"),
        }
    });
    let watermarks: Vec<String> = watermarks.collect();
    if !watermarks.is_empty() {
        let _infallible = writeln!(out, "    watermarks: {}", watermarks.join(", "));
    }
}

fn rows(out: &mut String, names: &[&str], cells: Vec<Vec<String>>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    if !cells.is_empty() {
        write_rows(out, &names, &cells);
    }
}
