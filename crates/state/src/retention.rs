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
    let needed = Needed::by(kept);
    let is_expired =
        |path: &&String| id_of(path).is_some_and(|id| id < next) && !needed.contains(path);
    listing.iter().map(|object| &object.path).filter(is_expired).cloned().collect()
}

/// Paths named for checkpoints above the restored one, at the start of a worker that owns the
/// store: nobody will commit them.
pub fn above(restored: Option<&Manifest>, listing: &[ObjectInfo]) -> Vec<String> {
    let kept: Vec<&Manifest> = restored.into_iter().collect();
    let needed = Needed::by(&kept);
    let floor = restored.map(|manifest| manifest.checkpoint);
    let is_above = |path: &&String| {
        id_of(path).is_some_and(|id| floor.is_none_or(|floor| id > floor)) && !needed.contains(path)
    };
    listing.iter().map(|object| &object.path).filter(is_above).cloned().collect()
}

/// Manifests and segments of checkpoints.
struct Needed<'a> {
    checkpoints: BTreeSet<CheckpointId>,
    segments: BTreeSet<&'a str>,
}

impl<'a> Needed<'a> {
    fn by(kept: &[&'a Manifest]) -> Needed<'a> {
        let segments = kept.iter().flat_map(|manifest| manifest.segments());
        Needed {
            checkpoints: kept.iter().map(|manifest| manifest.checkpoint).collect(),
            segments: segments.map(|segment| segment.path.as_str()).collect(),
        }
    }

    /// A manifest that a fenced worker wrote beside a kept one of the same number stays as long.
    fn contains(&self, path: &str) -> bool {
        let is_manifest = path.starts_with(FOLDERS[0]);
        let is_kept = |id| self.checkpoints.contains(&id);
        self.segments.contains(path) || (is_manifest && id_of(path).is_some_and(is_kept))
    }
}

/// The checkpoint that a path is named for: `manifest/ID-hash` or `segment/ID-generation-n`.
fn id_of(path: &str) -> Option<CheckpointId> {
    let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
    let digits = name.split('-').next()?;
    digits.parse().ok().map(CheckpointId)
}

#[cfg(test)]
mod tests {
    use argus_base::commit::{Generation, Incarnation};
    use argus_base::id::{OperatorId, SubtaskIndex};
    use argus_base::time::ProcessingTime;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::{KeyedState, OperatorState, SectionRef, SubtaskState};
    use crate::segment::{SectionId, SegmentRef};

    /// A manifest that refers to segments, each given by checkpoint and number.
    fn manifest(checkpoint: u64, segments: &[(u64, u32)]) -> Manifest {
        let section = |(id, n): &(u64, u32)| SectionRef {
            segment: SegmentRef {
                path: SegmentRef::path(CheckpointId(*id), Generation(1), *n),
                n_bytes: 1,
                checksum: 1,
            },
            section: SectionId { operator: OperatorId(1), subtask: SubtaskIndex(0) },
        };
        let chain = segments.iter().map(section).collect();
        let keyed = Some(KeyedState { chain, ..KeyedState::default() });
        let subtasks = vec![SubtaskState { keyed, ..SubtaskState::default() }];
        Manifest {
            job: "job".to_owned(),
            engine: "0".to_owned(),
            incarnation: Incarnation::new(1),
            generation: Generation(1),
            checkpoint: CheckpointId(checkpoint),
            created_at: ProcessingTime(0),
            max_parallelism: 128,
            operators: vec![OperatorState {
                operator: OperatorId(1),
                name: "op".to_owned(),
                subtasks,
            }],
            staged: Vec::new(),
        }
    }

    fn listing(paths: &[String]) -> Vec<ObjectInfo> {
        paths.iter().map(|path| ObjectInfo { path: path.clone(), n_bytes: 1 }).collect()
    }

    fn manifest_path(checkpoint: u64) -> String {
        Manifest::path(CheckpointId(checkpoint), "ab")
    }

    fn segment_path(checkpoint: u64, n: u32) -> String {
        SegmentRef::path(CheckpointId(checkpoint), Generation(1), n)
    }

    #[test]
    fn what_nobody_needs_goes() {
        let kept = [manifest(4, &[(2, 0), (4, 0)]), manifest(5, &[(2, 0), (5, 1)])];
        let kept: Vec<&Manifest> = kept.iter().collect();
        let needed = [
            manifest_path(4),
            manifest_path(5),
            segment_path(2, 0),
            segment_path(4, 0),
            segment_path(5, 1),
        ];
        let needless = [manifest_path(3), segment_path(2, 1), segment_path(3, 0)];
        let coming = [manifest_path(6), segment_path(6, 0), segment_path(6, 1)];
        let others = ["control.sock", "epoch/00000000000000000001", "probe/1", "segment/x"];
        let others = others.map(str::to_owned);
        let paths = [&needed[..], &needless, &coming, &others].concat();
        let listing = listing(&paths);
        assert_eq!(expired(&kept, &listing, CheckpointId(6)), needless);
        assert_eq!(above(Some(kept[1]), &listing), coming);
        assert_eq!(highest_id(&listing), Some(CheckpointId(6)));
        assert_eq!(highest_id(&[]), None);
    }

    #[test]
    fn without_a_checkpoint_all_of_them_go() {
        let paths = ["epoch/00000000000000000001".to_owned(), manifest_path(1), segment_path(1, 0)];
        assert_eq!(above(None, &listing(&paths)), paths[1..]);
    }

    proptest! {
        #[test]
        fn nothing_that_is_needed_goes(
            ids in btree_set(0_u64..20, 0..5),
            segments in vec(vec((0_u64..20, 0_u32..3), 0..6), 5),
            next in 0_u64..22,
        ) {
            let manifests: Vec<Manifest> =
                ids.iter().zip(&segments).map(|(id, segments)| manifest(*id, segments)).collect();
            let kept: Vec<&Manifest> = manifests.iter().collect();
            let all = (0..20).flat_map(|id| {
                (0..3).map(move |n| segment_path(id, n)).chain([manifest_path(id)])
            });
            let listing = listing(&all.collect::<Vec<_>>());
            let needed = Needed::by(&kept);
            for path in expired(&kept, &listing, CheckpointId(next)) {
                prop_assert!(!needed.contains(&path), "{path}");
                prop_assert!(id_of(&path) < Some(CheckpointId(next)), "{path}");
            }
            for restored in kept {
                let needed = Needed::by(&[restored]);
                for path in above(Some(restored), &listing) {
                    prop_assert!(!needed.contains(&path), "{path}");
                    prop_assert!(id_of(&path) > Some(restored.checkpoint), "{path}");
                }
            }
        }
    }
}
