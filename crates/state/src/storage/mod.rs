//! The checkpoint store: objects under paths, in a local folder or an S3 bucket.
//!
//! Every call is one attempt and blocks; only checkpoint threads may call it. A transient error
//! (store away, disk full, 5xx) may be tried again as it was, by the caller. What a call wrote is
//! durable when it returns. Paths are relative, `/`-separated, of `[A-Za-z0-9._=-]` and no `..`.
//!
//! ```text
//! DIR/JOB/  epoch/00000000000000000012        epoch log: one a commit or takeover (epoch_log)
//!           manifest/00000000000000000041     what a checkpoint is made of (manifest)
//!           segment/00000000000000000041-0    state and staged rows (segment)
//!           control.sock                      not ours: the worker's control socket
//! ```

mod local;
mod memory;
mod place;
mod probe;
mod s3;
#[cfg(test)]
mod testing;

pub use local::LocalStorage;
pub use memory::MemoryStorage;
pub use s3::S3Storage;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use argus_base::{Env, Error, Result};

use self::place::Place;

/// Objects under paths.
pub trait Storage: Send + Sync {
    /// Writes an object, or replaces it.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()>;

    /// Writes an object where none is. `false`: there is one, of whatever content, perhaps what an
    /// earlier attempt with a lost answer wrote. Of several writers at once exactly one wins.
    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool>;

    /// The whole object; `None` where there is none.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// A part of an object, shorter where the object ends before; `None` where there is none.
    fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>>;

    /// Objects whose path begins with `prefix`, in ascending order of path.
    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>>;

    /// Deletes an object, if it is there.
    fn delete(&self, path: &str) -> Result<()>;
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its path.
    pub path: String,
    /// Its size.
    pub n_bytes: u64,
}

/// Opens the store of a `execution.checkpointing.dir`: a plain path, `file://…`, or
/// `s3://bucket/prefix` (also `s3a://`, `s3p://`); everything is below `job`. Credentials and
/// endpoint of S3 come from `settings` under Flink's names (`s3.endpoint`, `s3.access-key`,
/// `s3.secret-key`, `s3.region`, `s3.path.style.access`), else from the environment (`AWS_*`).
///
/// Checks that the store keeps its promise: a probe is put twice with put-if-absent, and a store
/// that lets the second pass is refused.
pub fn open(
    dir: &str,
    job: &str,
    settings: &BTreeMap<String, String>,
    env: &Env,
) -> Result<Arc<dyn Storage>> {
    let storage: Arc<dyn Storage> = match Place::parse(dir)? {
        Place::Folder(folder) => {
            Arc::new(LocalStorage::open(&folder.join(place::component(job)), env)?)
        }
        Place::Bucket { bucket, prefix } => {
            let prefix = prefix + &place::component(job);
            Arc::new(S3Storage::open(&bucket, &prefix, settings)?)
        }
    };
    probe::check(storage.as_ref(), dir, env)?;
    Ok(storage)
}

/// DIR/JOB of a directory on this machine, where the worker's control socket lies as well; `None`
/// for a bucket and for what is no directory.
pub fn local_folder(dir: &str, job: &str) -> Option<PathBuf> {
    match Place::parse(dir) {
        Ok(Place::Folder(folder)) => Some(folder.join(place::component(job))),
        Ok(Place::Bucket { .. }) | Err(_) => None,
    }
}

/// Refuses what is no path of the store, or no beginning of one.
fn check_path(path: &str) -> Result<()> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._=-/".contains(&byte);
    let leads_up = path.split('/').any(|part| part == "..");
    if path.bytes().all(is_known) && !path.starts_with('/') && !leads_up {
        return Ok(());
    }
    Err(Error::bug(format!("'{path}' is no path of the checkpoint store")))
}

/// The part of an object that is there.
fn part(bytes: &[u8], range: Range<u64>) -> Vec<u8> {
    let within = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
    let start = within(range.start);
    bytes[start..within(range.end).max(start)].to_vec()
}
