//! A folder of the local file system: files and folders are synced before a call returns.

/// The store.
pub struct LocalStorage {}
