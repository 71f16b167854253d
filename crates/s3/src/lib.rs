//! How a bucket of S3, or of a server that speaks its language, is reached, and what its errors
//! mean. The checkpoint store and the connectors share it; neither knows the other.
//!
//! It keeps nothing and names no errors of its own: codes and what happens next are for whoever
//! asks.

mod client;
mod crypto;
mod failure;

pub use client::client;
pub use failure::Failure;
use tokio::runtime::{Builder, Runtime};

/// What serves the sockets of one place: one thread. Callers wait on threads of their own.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).thread_name("argus-s3").enable_all().build()
}
