//! Savepoints: a checkpoint with everything it refers to, copied to a folder of its own.
//!
//! ```text
//! asked for ──next checkpoint──▶ taken ──committed and applied──▶ copied ──▶ answered
//! ```
//! Trouble with the folder is the asker's, never the job's: a copy is tried for [`PATIENCE`], then
//! whoever asked is told. Checkpoints go on meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use argus_base::commit::Generation;
use argus_base::id::CheckpointId;
use argus_base::{Env, Error, ErrorKind, Result};
use argus_plan::{JobGraph, JobSettings};
use argus_state::manifest::{Manifest, SectionRef, StagedContent};
use argus_state::segment::SegmentRef;
use argus_state::storage::{self, Storage};

use super::outputs::Backoff;
use super::status::SavepointRequest;

/// How long a folder that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The savepoints of one attempt of a job.
pub(crate) struct Savepoints {
    env: Env,
    interval: Option<Duration>,
    /// When the schedule asks for the next one.
    next: Option<Duration>,
    /// In order; those whose checkpoint has begun know it.
    waiting: VecDeque<SavepointRequest>,
    copying: Option<Copying>,
    backoff: Backoff,
    /// Since when the copy has failed again and again.
    trouble_since: Option<Duration>,
}

impl Savepoints {
    pub(crate) fn new(env: &Env, interval: Option<Duration>) -> Savepoints {
        Savepoints {
            env: env.clone(),
            interval,
            next: interval.map(|interval| env.elapsed() + interval),
            waiting: VecDeque::new(),
            copying: None,
            backoff: Backoff::default(),
            trouble_since: None,
        }
    }

    /// Takes requests over.
    pub(crate) fn ask(&mut self, requests: Vec<SavepointRequest>) {
        self.waiting.extend(requests);
    }

    /// Whether a checkpoint is wanted now for the sake of a savepoint.
    pub(crate) fn wants_checkpoint(&mut self, now: Duration) -> bool {
        if self.next.is_some_and(|next| next <= now) {
            self.next = self.interval.map(|interval| now + interval);
            let is_behind = self.copying.is_some() || !self.waiting.is_empty();
            if !is_behind {
                self.waiting.push_back(SavepointRequest::scheduled());
            }
        }
        self.waiting.iter().any(|request| request.since.is_none())
    }

    /// A checkpoint is described: it counts for everybody who waits.
    pub(crate) fn begin(&mut self, checkpoint: CheckpointId) {
        for request in &mut self.waiting {
            request.since.get_or_insert(checkpoint);
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.copying.is_none()
    }

    /// The checkpoint that is being copied, which must stay as long.
    pub(crate) fn copied(&self) -> Option<&Arc<Manifest>> {
        self.copying.as_ref().map(|copying| &copying.checkpoint)
    }

    /// Begins a copy of the newest checkpoint whose outputs have been applied everywhere, or copies
    /// one object. True when something was done.
    pub(crate) fn step(
        &mut self,
        newest: Option<&Arc<Manifest>>,
        settings: &JobSettings,
        from: &Arc<dyn Storage>,
    ) -> bool {
        if self.copying.is_some() {
            return self.copy();
        }
        let Some(newest) = newest else { return false };
        let is_taken = |request: &SavepointRequest| {
            request.since.is_some_and(|since| since <= newest.checkpoint)
        };
        let Some(place) = self.waiting.iter().position(is_taken) else { return false };
        let Some(request) = self.waiting.remove(place) else { return false };
        match place_of(&request, newest, settings) {
            Err(reason) => request.answer(Err(reason)),
            Ok(location) => {
                self.copying = Some(Copying {
                    request,
                    location,
                    segments: newest.segments().into_iter().cloned().collect(),
                    checkpoint: Arc::clone(newest),
                    from: Arc::clone(from),
                    to: None,
                    settings: settings.written.clone(),
                });
            }
        }
        true
    }

    fn copy(&mut self) -> bool {
        let now = self.env.elapsed();
        let Some(copying) = self.copying.as_mut().filter(|_| self.backoff.next <= now) else {
            return false;
        };
        let answer = match copying.step(&self.env) {
            Ok(false) => {
                self.trouble_since = None;
                return true;
            }
            Ok(true) => Ok(copying.location.clone()),
            Err(error) => {
                let since = *self.trouble_since.get_or_insert(now);
                let is_too_long = now.saturating_sub(since) >= PATIENCE;
                let reason = error.to_string();
                let tried = self.backoff.failed(&self.env, "write the savepoint", error);
                if tried.is_ok() && !is_too_long {
                    return true;
                }
                Err(reason)
            }
        };
        self.backoff = Backoff::default();
        self.trouble_since = None;
        if let Some(copying) = self.copying.take() {
            tracing::info!(location = copying.location, is_taken = answer.is_ok(), "savepoint");
            copying.request.answer(answer);
        }
        true
    }
}

/// Where a savepoint goes: where it was said, else where the settings say, else to the job's
/// checkpoints.
fn place_of(
    request: &SavepointRequest,
    manifest: &Manifest,
    settings: &JobSettings,
) -> std::result::Result<String, String> {
    let checkpoints = settings.checkpoints.as_ref();
    let said = checkpoints.and_then(|checkpoints| checkpoints.savepoint_dir.clone());
    let own = || {
        let dir = checkpoints.and_then(|checkpoints| checkpoints.dir.as_ref())?;
        Some(format!("{}/savepoint", storage::place_of(dir, &settings.name)))
    };
    let Some(dir) = request.dir.clone().or(said).or_else(own) else {
        let reason = "say where: SET 'execution.checkpointing.savepoint-dir', or give a folder";
        return Err(reason.to_owned());
    };
    // A number may come again, after a move to another store; what it stands for does not.
    let hash = Manifest::hash(&manifest.encode());
    let name = format!("savepoint-{}-{}-{}", manifest.job, manifest.checkpoint.0, &hash[..8]);
    Ok(storage::place_of(&storage::absolute(&dir), &name))
}

/// A savepoint being written.
struct Copying {
    request: SavepointRequest,
    location: String,
    checkpoint: Arc<Manifest>,
    from: Arc<dyn Storage>,
    /// Opened by the first step.
    to: Option<Arc<dyn Storage>>,
    settings: BTreeMap<String, String>,
    /// Still to be copied.
    segments: VecDeque<SegmentRef>,
}

impl Copying {
    /// Opens the folder or copies one object; true when the savepoint is complete. One attempt.
    fn step(&mut self, env: &Env) -> Result<bool> {
        let Some(to) = &self.to else {
            self.to = Some(storage::open_place(&self.location, &self.settings, env)?);
            return Ok(false);
        };
        let Some(segment) = self.segments.front() else {
            // Its outputs have been applied everywhere.
            let manifest = Manifest { staged: Vec::new(), ..Manifest::clone(&self.checkpoint) };
            let bytes = manifest.encode();
            to.put(&Manifest::path(manifest.checkpoint, &Manifest::hash(&bytes)), &bytes)?;
            return Ok(true);
        };
        let bytes = self.from.get(&segment.path)?;
        let bytes = bytes.ok_or_else(|| Error::bug("a segment of a savepoint is gone"))?;
        to.put(&segment.path, &bytes)?;
        self.segments.pop_front();
        Ok(false)
    }
}

/// Where a savepoint lies, and its manifest.
pub(crate) fn look(path: &str, graph: &JobGraph) -> Result<(Arc<dyn Storage>, Manifest)> {
    let missing = || Error::user("AR5206", format!("there is no savepoint at '{path}'"));
    let from = storage::look(path, &graph.settings.written)?.ok_or_else(missing)?;
    if !from.list("epoch/")?.is_empty() {
        let message = format!("'{path}' has the checkpoints of a job, not a savepoint");
        return Err(Error::user("AR5206", message));
    }
    let found = from.list("manifest/")?;
    if found.len() > 1 {
        let message = format!("'{path}' has {} checkpoints, a savepoint has one", found.len());
        return Err(Error::user("AR5206", message));
    }
    let bytes = from.get(&found.first().ok_or_else(missing)?.path)?.ok_or_else(missing)?;
    let manifest = Manifest::decode(&bytes)?;
    Ok((from, manifest))
}

/// Copies a savepoint into the store of the job that begins from it, under names of a checkpoint
/// and a generation, and returns its manifest as it stands there.
pub(crate) fn fetch(
    path: &str,
    into: &dyn Storage,
    (id, generation): (CheckpointId, Generation),
    graph: &JobGraph,
) -> Result<Manifest> {
    let (from, mut manifest) = look(path, graph)?;
    let segments: Vec<SegmentRef> = manifest.segments().into_iter().cloned().collect();
    let mut names = BTreeMap::new();
    for (number, segment) in segments.into_iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let bytes = from.get(&segment.path)?.ok_or_else(|| {
            let message = format!("the savepoint's {} is missing", segment.path);
            Error::new(ErrorKind::Corrupt, "AR5204", message)
        })?;
        let own = SegmentRef::path(id, generation, number);
        into.put(&own, &bytes)?;
        names.insert(segment.path, own);
    }
    rename(&mut manifest, &names);
    Ok(manifest)
}

fn rename(manifest: &mut Manifest, names: &BTreeMap<String, String>) {
    let own = |section: &mut SectionRef| {
        if let Some(name) = names.get(&section.segment.path) {
            section.segment.path.clone_from(name);
        }
    };
    for subtask in manifest.operators.iter_mut().flat_map(|operator| &mut operator.subtasks) {
        if let Some(keyed) = &mut subtask.keyed {
            keyed.runs.iter_mut().chain(&mut keyed.chain).for_each(own);
        }
    }
    for staged in &mut manifest.staged {
        if let StagedContent::Rows(section) = &mut staged.content {
            own(section);
        }
    }
}
