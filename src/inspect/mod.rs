//! `argus state show`: what lies in DIR/JOB or in a savepoint. Only reads, and whatever is damaged
//! is told in its place instead of ending the command.
//!
//! `gather` reads into a `document`, whose fields are the JSON form; `table` shows it to people,
//! and `rows` reads keys and accumulators.

mod document;
mod gather;
mod rows;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_state::storage::{self, Storage};

use crate::cli::worker::ShowArguments;
use crate::failure::Failure;
use crate::output::write_out;
use document::{Checkpoint, Document};

/// Shows it.
pub fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let place = arguments.place.trim_end_matches('/');
    let storage = open(place, &arguments.settings)?;
    let mut found = gather::gather(place, &storage)?;
    if found.epoch_log.is_none() && found.checkpoints.is_empty() {
        let why = format!("there is no checkpoint at {place}: expected DIR/JOB or a savepoint");
        return Err(Failure::Command(why));
    }
    let shown = shown_checkpoint(arguments.checkpoint, &found)?;
    let lines = match (arguments.rows, shown) {
        (Some(limit), Some(shown)) => rows::lines(&storage, shown, limit)?,
        _ => Vec::new(),
    };
    found.shown = shown.map(|shown| shown.checkpoint);
    let text = match (arguments.json, arguments.rows) {
        (true, n_rows) => {
            let rows = n_rows.map(|_| lines.iter().map(|line| parsed(line)).collect());
            let whole = Document { rows, ..found };
            let text = serde_json::to_string_pretty(&whole);
            text.map_err(|error| Failure::Command(error.to_string()))? + "\n"
        }
        (false, Some(_)) => lines.iter().map(|line| format!("{line}\n")).collect(),
        (false, None) => table::document(&found),
    };
    Ok(write_out(text.as_bytes())?)
}

fn open(place: &str, settings: &[(String, String)]) -> Result<Arc<dyn Storage>, Failure> {
    let settings: BTreeMap<String, String> = settings.iter().cloned().collect();
    let missing = || Failure::Command(format!("there is no folder {place}"));
    storage::look(place, &settings)?.ok_or_else(missing)
}

/// The one asked for, else the last committed one, else the newest that can be read.
fn shown_checkpoint(asked: Option<u64>, found: &Document) -> Result<Option<&Checkpoint>, Failure> {
    let readable = || found.checkpoints.iter().rev().filter(|known| known.contents.is_some());
    if let Some(asked) = asked {
        let why = || format!("checkpoint {asked} is not there, or cannot be read");
        let shown = readable().find(|known| known.checkpoint == asked);
        return shown.map(Some).ok_or_else(|| Failure::Command(why()));
    }
    let committed = readable().find(|known| known.commit == document::COMMITTED);
    Ok(committed.or_else(|| readable().next()))
}

/// A line that was written here is JSON.
fn parsed(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or(serde_json::Value::Null)
}
