//! The status of a job for people.

use std::fmt::Write;

use super::status::{OperatorStatus, SourceStatus, SplitStatus, Status};
use crate::output::table::write_rows;
use crate::output::{bytes, duration};
use crate::progress::grouped;

/// The text of a status.
pub fn status(status: &Status) -> String {
    let mut out = String::new();
    let head = format!(
        "job {}: {}{}, for {}, since {}\n",
        status.job,
        status.state,
        if status.ready { "" } else { ", not ready" },
        duration(status.uptime_ms),
        status.running_since
    );
    out.push_str(&head);
    for (what, text) in facts(status) {
        let _infallible = writeln!(out, "  {what:<12} {text}");
    }
    for source in &status.sources {
        write_source(&mut out, source);
    }
    write_operators(&mut out, &status.operators);
    out
}

fn facts(status: &Status) -> Vec<(&'static str, String)> {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let incarnation = status.incarnation.as_deref().unwrap_or("-");
    let mut facts = vec![
        ("worker", format!("pid {}, Argus {}", status.pid, status.engine)),
        ("parallelism", status.parallelism.to_string()),
        ("owner", format!("generation {}, incarnation {incarnation}", number(status.generation))),
        ("restored", format!("checkpoint {}", number(status.restored_checkpoint))),
        ("restarts", restarts(status)),
        ("checkpoints", checkpoints(status)),
        ("late rows", status.late_records.to_string()),
    ];
    if let Some(last) = status.checkpoints.as_ref().and_then(|taken| taken.last.as_ref()) {
        let text = format!(
            "{}, {} ago, took {} ms, wrote {} of {}",
            last.checkpoint,
            duration(last.age_ms),
            last.duration_ms,
            bytes(last.delta_bytes),
            bytes(last.full_bytes)
        );
        facts.push(("last", text));
    }
    facts
}

fn restarts(status: &Status) -> String {
    match &status.last_failure {
        Some(failure) => format!("{}, the last after: {failure}", status.restarts),
        None => status.restarts.to_string(),
    }
}

fn checkpoints(status: &Status) -> String {
    let Some(taken) = &status.checkpoints else { return "none".to_owned() };
    format!(
        "every {} to {}, {} committed, {} failed",
        duration(taken.interval_ms),
        taken.dir.as_deref().unwrap_or("memory"),
        taken.completed,
        taken.failed
    )
}

fn write_source(out: &mut String, source: &SourceStatus) {
    let lag = source.event_time_lag_ms;
    let lag = lag.map_or_else(String::new, |lag| format!(", {} behind the clock", duration(lag)));
    let _infallible = writeln!(out, "\nSource {}{lag}", source.source);
    let names = ["topic", "partition", "records", "lag", "watermark", "idle"].map(str::to_owned);
    let cells = |split: &SplitStatus| {
        vec![
            split.topic.clone(),
            split.partition.clone(),
            shown(split.records),
            split.lag_records.map_or("-".to_owned(), shown),
            split.watermark.clone().unwrap_or_else(|| "-".to_owned()),
            if split.idle { "yes" } else { "" }.to_owned(),
        ]
    };
    write_rows(out, &names, &source.splits.iter().map(cells).collect::<Vec<_>>());
    if !source.positions.is_empty() {
        let of = |at: &super::status::Position| format!("{} at {}", at.split, at.position);
        let positions: Vec<String> = source.positions.iter().map(of).collect();
        let _infallible = writeln!(out, "at the last checkpoint: {}", positions.join(", "));
    }
}

fn write_operators(out: &mut String, operators: &[OperatorStatus]) {
    out.push('\n');
    let names = ["operator", "id", "subtasks", "in", "out", "late", "keys", "state"];
    let cells = |operator: &OperatorStatus| {
        vec![
            operator.name.clone(),
            operator.operator.clone(),
            operator.parallelism.to_string(),
            shown(operator.records_in),
            shown(operator.records_out),
            shown(operator.late_records),
            operator.state_keys.filter(|keys| *keys > 0).map_or_else(String::new, shown),
            operator.state_bytes.map_or_else(String::new, bytes),
        ]
    };
    let rows: Vec<_> = operators.iter().map(cells).collect();
    write_rows(out, &names.map(str::to_owned), &rows);
}

#[allow(clippy::cast_precision_loss, reason = "numbers for people")]
fn shown(number: u64) -> String {
    grouped(number as f64)
}
