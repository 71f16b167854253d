//! The file that says which epochs of a table are visible, and who may add another.
//!
//! `.argus-<key>.marker` in the table's folder holds one line of JSON and is replaced as a whole.

use argus_base::commit::{CommitRecord, Generation, Incarnation, Owner};
use argus_base::id::CheckpointId;
use argus_base::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::code;
use super::hidden::marker;
use super::partition_commit::Waiting;
use super::place::Place;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitMarker {
    /// Whose epochs.
    pub incarnation: Incarnation,
    /// The owner.
    pub generation: Generation,
    /// The last epoch that is visible; 0 where none is.
    pub checkpoint: CheckpointId,
    /// Partitions that are not complete.
    pub waiting: Waiting,
}

/// Where the file of a table is.
pub struct MarkerFile {
    path: String,
    job: String,
    sink_name: String,
}

impl MarkerFile {
    /// The file of that table of the job.
    pub fn new(job: &str, sink_name: &str) -> MarkerFile {
        let path = marker(job, sink_name);
        MarkerFile { path, job: job.to_owned(), sink_name: sink_name.to_owned() }
    }

    /// Reads it; `None` where the job has not written to the table.
    pub fn read(&self, place: &dyn Place) -> Result<Option<CommitMarker>> {
        let Some(bytes) = place.read(&self.path)? else { return Ok(None) };
        let json: Option<Value> = serde_json::from_slice(&bytes).ok();
        let marker = json.as_ref().and_then(CommitMarker::from_json);
        marker.map(Some).ok_or_else(|| {
            let message = format!("'{}' in {} cannot be read", self.path, place.name());
            Error::new(ErrorKind::Corrupt, code::BAD_MARKER, message)
        })
    }

    /// Writes it.
    pub fn write(&self, place: &dyn Place, marker: &CommitMarker) -> Result<()> {
        let mut json = marker.to_json();
        json["job"] = json!(self.job);
        json["table"] = json!(self.sink_name);
        place.write(&self.path, format!("{json}\n").as_bytes())
    }
}

impl CommitMarker {
    /// What the owner finds who takes over from whoever wrote `found`.
    pub fn of_owner(owner: &Owner, found: Option<&CommitMarker>) -> CommitMarker {
        let own = found.filter(|found| found.incarnation == owner.incarnation);
        CommitMarker {
            incarnation: owner.incarnation.clone(),
            generation: owner.generation,
            checkpoint: own.map_or(CheckpointId(0), |own| own.checkpoint),
            waiting: found.map(|found| found.waiting.clone()).unwrap_or_default(),
        }
    }

    /// What was committed last.
    pub fn record(&self) -> Option<CommitRecord> {
        let (incarnation, checkpoint) = (self.incarnation.clone(), self.checkpoint);
        let record = CommitRecord { incarnation, checkpoint, manifest_hash: String::new() };
        (checkpoint.0 > 0).then_some(record)
    }

    fn to_json(&self) -> Value {
        json!({
            "incarnation": self.incarnation.as_str(),
            "generation": self.generation.0,
            "checkpoint": self.checkpoint.0,
            "waiting": self.waiting,
        })
    }

    fn from_json(json: &Value) -> Option<CommitMarker> {
        let waiting = json.get("waiting")?.as_object()?.iter();
        let waiting = waiting.map(|(folder, begun)| Some((folder.clone(), begun.as_i64()?)));
        Some(CommitMarker {
            incarnation: Incarnation::parse(json.get("incarnation")?.as_str()?)?,
            generation: Generation(json.get("generation")?.as_u64()?),
            checkpoint: CheckpointId(json.get("checkpoint")?.as_u64()?),
            waiting: waiting.collect::<Option<_>>()?,
        })
    }
}
