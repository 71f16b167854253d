//! What the state of an operator takes of a limited memory, and when it has to spill.

use std::sync::Arc;

use argus_base::{Error, ErrorKind, Result};
use argus_state::spill::{MemoryLimit, MemoryShare};

/// A copy of the state may take this part of the store's share; so may what is merged at once.
const PART: u64 = 4;

/// After a failure the state grows by this part of its share before it is spilled again.
const RETRY_PART: u64 = 8;

/// The share of one operator.
pub(crate) struct StateMemory {
    share: MemoryShare,
    /// Nothing is spilled below as many bytes: it failed, and is not tried again at once.
    retry_bytes: u64,
    has_warned: bool,
}

impl StateMemory {
    pub fn new(limit: Arc<MemoryLimit>) -> StateMemory {
        StateMemory { share: MemoryShare::new(limit), retry_bytes: 0, has_warned: false }
    }

    /// Bytes that the state may hold in any case.
    pub fn max_bytes(&self) -> u64 {
        self.share.max_bytes()
    }

    /// Bytes that the state takes.
    pub fn n_bytes(&self) -> u64 {
        self.share.n_bytes()
    }

    /// Bytes that may be merged at once.
    pub fn range_bytes(&self) -> u64 {
        self.share.max_bytes() / PART
    }

    /// Says what the state takes now.
    pub fn set(&mut self, n_bytes: u64) {
        self.share.set(n_bytes);
    }

    /// A part of the state has grown.
    pub fn change(&mut self, n_bytes_before: usize, n_bytes: usize) {
        let others = self.share.n_bytes().saturating_sub(n_bytes_before as u64);
        self.share.set(others + n_bytes as u64);
    }

    /// Whether there is no room for as many bytes more.
    pub fn is_full(&self, n_more: u64) -> bool {
        self.share.is_full(n_more)
    }

    /// Whether the state is to be spilled before it takes as many bytes more.
    pub fn must_spill(&self, n_more: usize) -> bool {
        self.is_full(n_more as u64) && self.share.n_bytes() >= self.retry_bytes
    }

    /// Whether the state is too much to be sealed at once, since what is sealed is a copy.
    pub fn is_much(&self) -> bool {
        self.share.n_bytes() > self.range_bytes()
    }

    /// Runs were written.
    pub fn has_spilled(&mut self) {
        self.retry_bytes = 0;
    }

    /// What an error of writing runs means: where the disk is full, for example, the state stays in
    /// memory and is tried again when it has grown.
    pub fn bear(memory: Option<&mut StateMemory>, error: Error) -> Result<()> {
        let Some(memory) = memory.filter(|_| error.kind() == ErrorKind::Transient) else {
            return Err(error);
        };
        if !std::mem::replace(&mut memory.has_warned, true) {
            tracing::warn!(code = error.code(), %error, "state stays in memory beyond its limit");
        }
        memory.retry_bytes = memory.share.n_bytes() + memory.share.max_bytes() / RETRY_PART;
        Ok(())
    }
}
