//! Savepoints: a checkpoint with everything it refers to, copied to a folder of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use argus_base::id::CheckpointId;
use argus_base::{Env, Error, ErrorKind, Result};
use argus_plan::JobGraph;
use argus_state::manifest::{Manifest, SectionRef, StagedContent};
use argus_state::segment::SegmentRef;
use argus_state::storage::{self, Storage};

/// A savepoint being written: one object a step.
pub(crate) struct Copying {
    /// Where it goes, as people name it.
    pub location: String,
    from: Arc<dyn Storage>,
    to: Arc<dyn Storage>,
    segments: VecDeque<SegmentRef>,
    manifest: (String, Vec<u8>),
}

impl Copying {
    /// Begins to copy a checkpoint whose outputs have all been applied into `dir`.
    pub(crate) fn begin(
        manifest: &Manifest,
        dir: &str,
        from: Arc<dyn Storage>,
        settings: &BTreeMap<String, String>,
        env: &Env,
    ) -> Result<Copying> {
        let name = format!("savepoint-{}-{}", manifest.job, manifest.checkpoint.0);
        let to = storage::open(dir, &name, settings, env)?;
        let manifest = Manifest { staged: Vec::new(), ..manifest.clone() };
        let segments = manifest.segments().into_iter().cloned().collect();
        let file = (Manifest::path(manifest.checkpoint), manifest.encode());
        let location = format!("{}/{name}", dir.trim_end_matches('/'));
        Ok(Copying { location, from, to, segments, manifest: file })
    }

    /// Copies one object; true when the savepoint is complete. One attempt.
    pub(crate) fn step(&mut self) -> Result<bool> {
        let Some(segment) = self.segments.front() else {
            self.to.put(&self.manifest.0, &self.manifest.1)?;
            return Ok(true);
        };
        let bytes = self.from.get(&segment.path)?;
        let bytes = bytes.ok_or_else(|| Error::bug("a segment of a savepoint is gone"))?;
        self.to.put(&segment.path, &bytes)?;
        self.segments.pop_front();
        Ok(false)
    }
}

/// Copies a savepoint into the store of the job that begins from it, under names of the checkpoint
/// `id`, and returns its manifest as it stands there.
pub(crate) fn fetch(
    path: &str,
    into: &dyn Storage,
    id: CheckpointId,
    graph: &JobGraph,
    env: &Env,
) -> Result<Manifest> {
    let (dir, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or((".", path));
    let from = storage::open(dir, name, &graph.settings.written, env)?;
    let found = from.list("manifest/")?;
    let Some(object) = found.last() else {
        return Err(Error::user("AR5206", format!("there is no savepoint at '{path}'")));
    };
    let bytes = from.get(&object.path)?.unwrap_or_default();
    let mut manifest = Manifest::decode(&bytes)?;
    let segments: Vec<SegmentRef> = manifest.segments().into_iter().cloned().collect();
    let mut names = BTreeMap::new();
    for (number, segment) in segments.into_iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let bytes = from.get(&segment.path)?.ok_or_else(|| {
            let message = format!("the savepoint's {} is missing", segment.path);
            Error::new(ErrorKind::Corrupt, "AR5204", message)
        })?;
        let own = SegmentRef::path(id, number);
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
