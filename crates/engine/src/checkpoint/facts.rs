//! What is known of a job's checkpoints, for whoever watches it; kept over its attempts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argus_base::commit::Owner;
use argus_base::id::CheckpointId;
use argus_state::manifest::Manifest;

use super::instruments::Completed;
use crate::job::JobEnd;

/// The facts. Cloning a snapshot is cheap.
#[derive(Default)]
pub(crate) struct Facts {
    facts: Mutex<CheckpointFacts>,
    /// How often a checkpoint was restored.
    n_restored: AtomicU64,
    end: Mutex<Option<JobEnd>>,
}

/// Where a job stands.
#[derive(Clone, Debug, Default)]
pub struct CheckpointFacts {
    /// Whose turn it is, and in which life of the job; `None` before the store was taken over.
    pub owner: Option<Owner>,
    /// The checkpoint that the last start, or restart in the process, has restored.
    pub restored: Option<CheckpointId>,
    /// The last checkpoint committed since the process started.
    pub last: Option<Completed>,
    /// What the last checkpoint, restored or committed, is made of.
    pub manifest: Option<Arc<Manifest>>,
}

impl Facts {
    /// What is known now.
    pub(crate) fn now(&self) -> CheckpointFacts {
        self.lock().clone()
    }

    /// A start has got through the start order.
    pub(crate) fn began(&self, owner: &Owner, restored: Option<&Manifest>) {
        let mut facts = self.lock();
        facts.owner = Some(owner.clone());
        facts.restored = restored.map(|manifest| manifest.checkpoint);
        if let Some(manifest) = restored {
            facts.manifest = Some(Arc::new(manifest.clone()));
            self.n_restored.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The last checkpoint has been committed.
    pub(crate) fn ended(&self, how: JobEnd) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
    }

    /// How the job ended, where a last checkpoint says so.
    pub(crate) fn end(&self) -> Option<JobEnd> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A checkpoint has been committed.
    pub(crate) fn committed(&self, completed: Completed, manifest: &Arc<Manifest>) {
        let mut facts = self.lock();
        facts.last = Some(completed);
        facts.manifest = Some(Arc::clone(manifest));
    }

    /// How often a checkpoint was restored.
    pub(crate) fn n_restored(&self) -> u64 {
        self.n_restored.load(Ordering::Relaxed)
    }

    /// The last checkpoint.
    pub(crate) fn last(&self) -> Option<Completed> {
        self.lock().last
    }

    fn lock(&self) -> MutexGuard<'_, CheckpointFacts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
