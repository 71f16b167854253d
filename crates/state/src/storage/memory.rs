//! In memory: for tests, and for jobs that take checkpoints without a folder for them.

/// The store.
pub struct MemoryStorage {}
