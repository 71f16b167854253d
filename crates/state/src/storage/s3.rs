//! A bucket of S3 or of a server that speaks its language.

/// The store.
pub struct S3Storage {}
