//! The checkpoint store: objects under paths, in a local folder or an S3 bucket.
//!
//! Every call is one attempt and blocks; only checkpoint threads may call it. A transient error
//! (store away, disk full, 5xx) may be tried again as it was, by the caller. What a call wrote is
//! durable when it returns. Paths are relative, `/`-separated, of `[A-Za-z0-9._=-]` and no `..`.
//!
//! ```text
//! DIR/JOB/  epoch/00000000000000000012        epoch log: one a commit or takeover (epoch_log)
//!           manifest/00000000000000000041-…   what a checkpoint is made of (manifest)
//!           segment/00000000000000000041-2-0  state and staged rows (segment)
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
    Place::parse(dir)?;
    open_place(&place_of(dir, job), settings, env)
}

/// DIR/JOB as a place by itself, as [`open_place`] and [`look`] take it.
pub fn place_of(dir: &str, job: &str) -> String {
    let is_uri = dir.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
    let name = place::component(job);
    // The percent signs of a URI are read once more.
    let name = if is_uri { name.replace('%', "%25") } else { name };
    format!("{}/{name}", dir.trim_end_matches('/'))
}

/// The directory as a process with another working directory has to call it.
pub fn absolute(dir: &str) -> String {
    let path = if place::is_uri(dir) { None } else { std::path::absolute(dir).ok() };
    path.map_or_else(|| dir.to_owned(), |path| path.display().to_string())
}

/// Opens the store at a place, as [`open`] does for a job.
pub fn open_place(
    place: &str,
    settings: &BTreeMap<String, String>,
    env: &Env,
) -> Result<Arc<dyn Storage>> {
    let storage: Arc<dyn Storage> = match Place::parse(place)? {
        Place::Folder(folder) => Arc::new(LocalStorage::open(&folder, env)?),
        Place::Bucket { bucket, prefix } => {
            Arc::new(S3Storage::open(&bucket, prefix.trim_end_matches('/'), settings)?)
        }
    };
    probe::check(storage.as_ref(), place, env)?;
    Ok(storage)
}

/// Opens the store at a place for reading: nothing is made, probed or tidied. `None` where there
/// is no such folder.
pub fn look(place: &str, settings: &BTreeMap<String, String>) -> Result<Option<Arc<dyn Storage>>> {
    Ok(match Place::parse(place)? {
        Place::Folder(folder) => {
            LocalStorage::look(&folder)?.map(|storage| Arc::new(storage) as Arc<dyn Storage>)
        }
        Place::Bucket { bucket, prefix } => {
            let prefix = prefix.trim_end_matches('/');
            Some(Arc::new(S3Storage::open(&bucket, prefix, settings)?))
        }
    })
}

/// DIR/JOB of a directory on this machine, where the worker's control socket lies as well; `None`
/// for a bucket and for what is no directory.
pub fn local_folder(dir: &str, job: &str) -> Option<PathBuf> {
    match Place::parse(dir) {
        Ok(Place::Folder(folder)) => Some(folder.join(place::component(job))),
        Ok(Place::Bucket { .. }) | Err(_) => None,
    }
}

/// Makes DIR/JOB of a directory on this machine durable, for those who put something of their own
/// there before the store is opened.
pub fn make_local_folder(dir: &str, job: &str) -> Result<()> {
    local_folder(dir, job).map_or(Ok(()), |folder| LocalStorage::make(&folder))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_lies_in_its_directory() {
        let check = |dir: &str, expected: &str| {
            let place = place_of(dir, "a b");
            let Place::Folder(path) = Place::parse(&place).unwrap() else { panic!("{place}") };
            assert_eq!(path, PathBuf::from(expected), "{dir}");
            assert_eq!(local_folder(dir, "a b"), Some(path));
        };
        check("/var/argus/", "/var/argus/a%20b");
        check("checkpoints", "checkpoints/a%20b");
        check("file:///my%20dir", "/my dir/a%20b");
        check("/", "/a%20b");
        assert_eq!(place_of("s3://bucket/x/", "a"), "s3://bucket/x/a");
    }

    #[test]
    fn looking_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("job").to_str().unwrap().to_owned();
        assert!(look(&place, &BTreeMap::new()).unwrap().is_none());
        let storage = open_place(&place, &BTreeMap::new(), &Env::system()).unwrap();
        storage.put("manifest/1", b"x").unwrap();
        let seen = look(&place, &BTreeMap::new()).unwrap().unwrap();
        assert_eq!(seen.get("manifest/1").unwrap().unwrap(), b"x");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
