//! Reads a checkpoint store: epoch log, manifests, and every segment that one refers to.

use std::collections::BTreeMap;
use std::sync::Arc;

use argus_base::commit::CommitRecord;
use argus_base::id::CheckpointId;
use argus_base::{ErrorKind, Result};
use argus_state::SliceKey;
use argus_state::epoch_log::{self, Takeover};
use argus_state::manifest::{KeyedState, Manifest, OperatorState, StagedContent, StagedOutput};
use argus_state::segment::{SegmentReader, SegmentRef};
use argus_state::storage::Storage;

use super::document::{
    COMMITTED, Checkpoint, Committed, Contents, DAMAGED, Document, EpochLog, OK, Operator,
    Position, SAVEPOINT, SUPERSEDED, Segment, SplitWatermark, Staged, UNCOMMITTED,
};
use crate::output::{instant, watermark};

const MANIFESTS: &str = "manifest/";

/// Everything there is.
pub fn gather(place: &str, storage: &Arc<dyn Storage>) -> Result<Document> {
    let has_log = !storage.list("epoch/")?.is_empty();
    let log = if has_log { Some(look_at_log(storage.as_ref())?) } else { None };
    let (epoch_log, committed) = match log {
        Some((log, committed)) => (Some(log), committed),
        None => (None, None),
    };
    let mut checker = Checker { storage: Arc::clone(storage), known: BTreeMap::new() };
    let mut checkpoints = Vec::new();
    for object in storage.list(MANIFESTS)? {
        let name = object.path.strip_prefix(MANIFESTS).and_then(|name| name.split('-').next());
        let id = name.and_then(|name| name.parse().ok());
        let (Some(id), Some(bytes)) = (id, storage.get(&object.path)?) else { continue };
        let place = Place { id, path: &object.path };
        let commit = if has_log { place.commit(committed.as_ref()) } else { SAVEPOINT };
        let expected = committed.as_ref().filter(|_| commit == COMMITTED);
        let read = read_manifest(&bytes, expected);
        checkpoints.push(checker.checkpoint(&place, commit, read)?);
    }
    if let Some(committed) = &committed {
        note_missing(&mut checkpoints, committed);
    }
    let kind = if has_log { "job" } else { "savepoint" }.to_owned();
    Ok(Document { place: place.to_owned(), kind, epoch_log, checkpoints, shown: None, rows: None })
}

/// What the log says, or why it says nothing.
fn look_at_log(storage: &dyn Storage) -> Result<(EpochLog, Option<CommitRecord>)> {
    let (state, reason) = (OK.to_owned(), None);
    match epoch_log::EpochLog::look(storage) {
        Ok(None) => Ok((EpochLog { state, reason, ..EpochLog::default() }, None)),
        Ok(Some(Takeover { generation, committed })) => {
            let shown = committed.as_ref().map(|committed| Committed {
                checkpoint: committed.checkpoint.0,
                incarnation: committed.incarnation.to_string(),
                manifest_hash: committed.manifest_hash.clone(),
            });
            let generation = Some(generation.0);
            Ok((EpochLog { state, reason, generation, committed: shown }, committed))
        }
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            let (state, reason) = (DAMAGED.to_owned(), Some(error.to_string()));
            Ok((EpochLog { state, reason, ..EpochLog::default() }, None))
        }
        Err(error) => Err(error),
    }
}

/// Where a manifest lies.
struct Place<'a> {
    id: u64,
    path: &'a str,
}

impl Place<'_> {
    fn commit(&self, committed: Option<&CommitRecord>) -> &'static str {
        let Some(committed) = committed else { return UNCOMMITTED };
        let is_committed = path_of(committed) == self.path;
        match is_committed {
            true => COMMITTED,
            false if self.id < committed.checkpoint.0 => SUPERSEDED,
            false => UNCOMMITTED,
        }
    }
}

fn path_of(committed: &CommitRecord) -> String {
    Manifest::path(committed.checkpoint, &committed.manifest_hash)
}

fn read_manifest(
    bytes: &[u8],
    expected: Option<&CommitRecord>,
) -> std::result::Result<Manifest, String> {
    if expected.is_some_and(|record| record.manifest_hash != Manifest::hash(bytes)) {
        let torn = Manifest::decode(bytes).err().map(|error| error.to_string());
        return Err(torn.unwrap_or_else(|| "the manifest is not the committed one".to_owned()));
    }
    Manifest::decode(bytes).map_err(|error| error.to_string())
}

/// The committed checkpoint is told of even where it has gone; but with a Kafka sink later ones
/// were committed, and it was tidied away.
fn note_missing(checkpoints: &mut Vec<Checkpoint>, committed: &CommitRecord) {
    let (CheckpointId(id), path) = (committed.checkpoint, path_of(committed));
    let is_superseded = |later: &Checkpoint| {
        let operators = later.contents.iter().flat_map(|contents| &contents.operators);
        let mut names = operators.map(|operator| operator.name.as_str());
        later.checkpoint > id
            && names.any(|name| name.starts_with("Sink ") && name.ends_with("(kafka)"))
    };
    if checkpoints.iter().any(|known| known.path == path || is_superseded(known)) {
        return;
    }
    let place = checkpoints.partition_point(|known| known.checkpoint < id);
    let missing = Checkpoint {
        checkpoint: id,
        path,
        state: DAMAGED.to_owned(),
        reason: Some("the manifest is missing".to_owned()),
        commit: COMMITTED.to_owned(),
        contents: None,
    };
    checkpoints.insert(place, missing);
}

/// Reads segments, each once.
struct Checker {
    storage: Arc<dyn Storage>,
    /// What is wrong with those that were read.
    known: BTreeMap<SegmentRef, Option<String>>,
}

impl Checker {
    fn checkpoint(
        &mut self,
        place: &Place<'_>,
        commit: &str,
        read: std::result::Result<Manifest, String>,
    ) -> Result<Checkpoint> {
        let contents = match &read {
            Ok(manifest) => Some(self.contents(manifest)?),
            Err(_) => None,
        };
        let segments = contents.iter().flat_map(|contents| &contents.segments);
        let mut damaged = segments.filter_map(|segment| segment.reason.clone());
        let reason = read.err().or_else(|| damaged.next());
        Ok(Checkpoint {
            checkpoint: place.id,
            path: place.path.to_owned(),
            state: if reason.is_none() { OK } else { DAMAGED }.to_owned(),
            reason,
            commit: commit.to_owned(),
            contents,
        })
    }

    fn contents(&mut self, manifest: &Manifest) -> Result<Contents> {
        let mut segments = Vec::new();
        for segment in manifest.segments() {
            let reason = self.check(segment)?;
            segments.push(Segment {
                path: segment.path.clone(),
                bytes: segment.n_bytes,
                state: if reason.is_none() { OK } else { DAMAGED }.to_owned(),
                reason,
            });
        }
        Ok(Contents {
            job: manifest.job.clone(),
            engine: manifest.engine.clone(),
            created_at: instant(manifest.created_at.0),
            incarnation: manifest.incarnation.to_string(),
            generation: manifest.generation.0,
            max_parallelism: manifest.max_parallelism,
            bytes: segments.iter().map(|segment| segment.bytes).sum(),
            segments,
            operators: manifest.operators.iter().map(operator).collect(),
            staged: manifest.staged.iter().map(|output| staged(manifest, output)).collect(),
        })
    }

    /// What is wrong with a segment.
    fn check(&mut self, segment: &SegmentRef) -> Result<Option<String>> {
        if let Some(known) = self.known.get(segment) {
            return Ok(known.clone());
        }
        let opened = SegmentReader::open(Arc::clone(&self.storage), segment);
        let reason = match opened.and_then(|opened| opened.verify()) {
            Ok(()) => None,
            Err(error) if error.kind() == ErrorKind::Corrupt => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        self.known.insert(segment.clone(), reason.clone());
        Ok(reason)
    }
}

fn operator(state: &OperatorState) -> Operator {
    let subtasks = &state.subtasks;
    let keyed: Vec<&KeyedState> =
        subtasks.iter().filter_map(|subtask| subtask.keyed.as_ref()).collect();
    let has_keyed = !keyed.is_empty();
    let sections = keyed.iter().flat_map(|keyed| keyed.runs.iter().chain(&keyed.chain));
    let mut segments: Vec<String> = sections.map(|section| section.segment.path.clone()).collect();
    segments.sort_unstable();
    segments.dedup();
    let least = subtasks.iter().filter_map(|subtask| subtask.watermark).min();
    let positions = subtasks.iter().flat_map(|subtask| &subtask.positions);
    let split_watermarks = subtasks.iter().flat_map(|subtask| &subtask.split_watermarks);
    Operator {
        operator: state.operator.to_string(),
        name: state.name.clone(),
        parallelism: subtasks.len(),
        keys: has_keyed.then(|| keyed.iter().map(|keyed| keyed.n_keys).sum()),
        state_bytes: has_keyed.then(|| keyed.iter().map(|keyed| keyed.n_bytes).sum()),
        slices: has_keyed.then(|| keyed.iter().map(|keyed| n_slices(keyed)).sum()),
        watermark: least.and_then(watermark),
        positions: positions
            .map(|at| Position { split: at.split.clone(), position: at.position.clone() })
            .collect(),
        split_watermarks: split_watermarks
            .map(|of| SplitWatermark {
                topic: of.split.as_ref().map(|split| split.topic.clone()),
                partition: of.split.as_ref().map(|split| split.partition),
                watermark: watermark(of.watermark),
            })
            .collect(),
        segments,
    }
}

/// Slices of windows; state without windows has none.
fn n_slices(keyed: &KeyedState) -> usize {
    keyed.live.iter().filter(|slice| **slice != SliceKey::KEYED).count()
}

fn staged(manifest: &Manifest, output: &StagedOutput) -> Staged {
    let named = manifest.operators.iter().find(|state| state.operator == output.sink);
    Staged {
        operator: output.sink.to_string(),
        name: named.map_or_else(String::new, |state| state.name.clone()),
        subtask: output.subtask.0,
        checkpoint: output.checkpoint.0,
        what: match output.content {
            StagedContent::Rows(_) => "rows",
            StagedContent::Note(_) => "note",
        }
        .to_owned(),
    }
}
