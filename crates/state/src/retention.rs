//! What may be deleted from the store: a pure decision over its listing.
//!
//! A segment lives as long as a manifest that is kept refers to it. Objects of checkpoints that are
//! under way are named for an id that no committed checkpoint has yet, and are never touched.

use std::collections::BTreeSet;

use argus_base::id::CheckpointId;

use crate::manifest::Manifest;
use crate::storage::ObjectInfo;

/// Folders that hold objects of checkpoints.
const FOLDERS: [&str; 2] = ["manifest/", "segment/"];

/// The greatest checkpoint id that any path names.
pub fn highest_id(listing: &[ObjectInfo]) -> Option<CheckpointId> {
    listing.iter().filter_map(|object| id_of(&object.path)).max()
}

/// Paths that no kept checkpoint needs, below `next`, the checkpoint that is begun next.
pub fn expired(kept: &[&Manifest], listing: &[ObjectInfo], next: CheckpointId) -> Vec<String> {
    let needed = needed(kept);
    let is_expired =
        |path: &&String| id_of(path).is_some_and(|id| id < next) && !needed.contains(path.as_str());
    listing.iter().map(|object| &object.path).filter(is_expired).cloned().collect()
}

/// Paths named for checkpoints above the restored one, at the start of a worker that owns the
/// store: nobody will commit them.
pub fn above(restored: Option<&Manifest>, listing: &[ObjectInfo]) -> Vec<String> {
    let kept: Vec<&Manifest> = restored.into_iter().collect();
    let needed = needed(&kept);
    let floor = restored.map(|manifest| manifest.checkpoint);
    let is_above = |path: &&String| {
        id_of(path).is_some_and(|id| floor.is_none_or(|floor| id > floor))
            && !needed.contains(path.as_str())
    };
    listing.iter().map(|object| &object.path).filter(is_above).cloned().collect()
}

/// Manifests and segments of checkpoints.
fn needed(kept: &[&Manifest]) -> BTreeSet<String> {
    let manifests = kept.iter().map(|manifest| Manifest::path(manifest.checkpoint));
    let segments = kept.iter().flat_map(|manifest| manifest.segments());
    manifests.chain(segments.map(|segment| segment.path.clone())).collect()
}

/// The checkpoint that a path is named for: `manifest/ID` or `segment/ID-n`.
fn id_of(path: &str) -> Option<CheckpointId> {
    let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
    let digits = name.split('-').next()?;
    digits.parse().ok().map(CheckpointId)
}
