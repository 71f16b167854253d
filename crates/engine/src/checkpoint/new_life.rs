//! A life of a job that begins while there is, or was, another: from a savepoint or anew. That it
//! has begun is committed before any follower hears of it. A follower forgets what it had applied
//! of the former life: whoever went on with that one would apply it again.

use argus_base::Result;
use argus_base::commit::{CommitRecord, Owner};
use argus_base::fault::FaultPoint;
use argus_base::id::CheckpointId;
use argus_state::epoch_log::EpochLog;
use argus_state::manifest::Manifest;

use super::outputs::OpenCommitter;
use super::recovery::Recovery;

/// Whether a checkpoint holds more than that a life began: otherwise its sources have not said yet
/// where they begin.
pub(super) fn has_begun(manifest: &Manifest) -> bool {
    !manifest.operators.is_empty()
}

impl Recovery<'_> {
    /// The first checkpoint of a life: what the savepoint has, or nothing.
    pub(super) fn first_of_life(
        &self,
        owner: &Owner,
        checkpoint: CheckpointId,
        savepoint: Option<Manifest>,
    ) -> Manifest {
        let max_parallelism = self.graph.settings.max_parallelism;
        Manifest {
            job: owner.job.clone(),
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation: owner.incarnation.clone(),
            generation: owner.generation,
            checkpoint,
            created_at: self.env.now(),
            max_parallelism: savepoint.as_ref().map_or(max_parallelism, |s| s.max_parallelism),
            operators: savepoint.map(|savepoint| savepoint.operators).unwrap_or_default(),
            staged: Vec::new(),
        }
    }

    /// Commits the first checkpoint of a life.
    pub(super) fn begin_life(
        &self,
        first: &Manifest,
        log: &mut EpochLog,
        commit_point: Option<&mut OpenCommitter>,
    ) -> Result<CommitRecord> {
        let bytes = first.encode();
        let manifest_hash = Manifest::hash(&bytes);
        let path = Manifest::path(first.checkpoint, &manifest_hash);
        self.insist_as_owner(log, "write the first manifest", || {
            self.env.step(FaultPoint::Manifest, || self.storage.put(&path, &bytes))
        })?;
        let (incarnation, checkpoint) = (first.incarnation.clone(), first.checkpoint);
        let record = CommitRecord { incarnation, checkpoint, manifest_hash };
        if let Some(open) = commit_point {
            self.insist_as_owner(log, "commit the begin", || {
                self.env.step(FaultPoint::Commit, || open.committer.commit(&record, &[]))
            })?;
        }
        self.insist("note the begin", || {
            self.env.step(FaultPoint::Commit, || log.commit(&record))
        })?;
        Ok(record)
    }
}
