//! What says which epochs of a table are visible, and who may add another.
//!
//! The folder `.argus-<key>.marker` in that of the table holds numbered files of one line of JSON,
//! of which the one with the greatest number counts. Nobody writes to a file that is there: who
//! wants to say more puts the next number, which only one of two workers can, and then removes the
//! numbers before. A worker that slept while those were removed may still put an old number, so
//! who has put one looks for greater ones before believing it.

use argus_base::commit::{CommitRecord, Generation, Incarnation, Owner};
use argus_base::id::CheckpointId;
use argus_base::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::code;
use super::hidden::marker_folder;
use super::partition_commit::Waiting;
use super::place::Place;
use super::prepared::path;

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

/// Times that the greatest number is looked for, while others remove it.
const MAX_LOOKS: usize = 100;

/// Where the marker of a table is.
pub struct MarkerFiles {
    folder: String,
    job: String,
    sink_name: String,
}

/// A marker and its number.
#[derive(Clone, Debug)]
pub struct Numbered {
    number: u64,
    /// What it says.
    pub marker: CommitMarker,
}

impl MarkerFiles {
    /// Those of that table of the job.
    pub fn new(job: &str, sink_name: &str) -> MarkerFiles {
        let folder = marker_folder(job, sink_name);
        MarkerFiles { folder, job: job.to_owned(), sink_name: sink_name.to_owned() }
    }

    /// Reads the one that counts; `None` where the job has not written to the table.
    pub fn read(&self, place: &dyn Place) -> Result<Option<Numbered>> {
        for _ in 0..MAX_LOOKS {
            let Some(number) = self.numbers(place)?.into_iter().max() else { return Ok(None) };
            let path = self.path(number);
            // Gone since: there is a greater one.
            let Some(bytes) = place.read(&path)? else { continue };
            let json: Option<Value> = serde_json::from_slice(&bytes).ok();
            let marker = json.as_ref().and_then(CommitMarker::from_json).ok_or_else(|| {
                let message = format!("'{path}' in {} cannot be read", place.name());
                Error::new(ErrorKind::Corrupt, code::BAD_MARKER, message)
            })?;
            return Ok(Some(Numbered { number, marker }));
        }
        let message = format!("'{}' in {} changes all the time", self.folder, place.name());
        Err(Error::transient(code::AWAY, message))
    }

    /// Puts `marker` in the place of the one that was read; `false` where somebody else has put
    /// another meanwhile.
    pub fn replace(
        &self,
        place: &dyn Place,
        read: Option<&Numbered>,
        marker: &CommitMarker,
    ) -> Result<bool> {
        let number = read.map_or(0, |read| read.number) + 1;
        let mut json = marker.to_json();
        json["job"] = json!(self.job);
        json["table"] = json!(self.sink_name);
        let (path, text) = (self.path(number), format!("{json}\n"));
        if !place.write_new(&path, text.as_bytes())?
            // Ours, where an earlier try has got through although it failed.
            && place.read(&path)?.as_deref() != Some(text.as_bytes())
        {
            return Ok(false);
        }
        let numbers = self.numbers(place)?;
        if numbers.iter().any(|other| *other > number) {
            return Ok(false);
        }
        let before = numbers.into_iter().filter(|other| *other < number);
        before.map(|other| self.path(other)).try_for_each(|path| place.remove(&path))?;
        Ok(true)
    }

    /// Removes what crashes have left beside the markers.
    pub fn clear(&self, place: &dyn Place) -> Result<()> {
        let names = place.names(&self.folder)?;
        let others = names.iter().filter(|name| name.parse::<u64>().is_err());
        others.map(|name| path(&self.folder, name)).try_for_each(|path| place.remove(&path))
    }

    fn numbers(&self, place: &dyn Place) -> Result<Vec<u64>> {
        let names = place.names(&self.folder)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    fn path(&self, number: u64) -> String {
        path(&self.folder, &number.to_string())
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
