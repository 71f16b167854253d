//! The folder of an attempt's spilled runs: `argus-PID-RANDOM`, there as long as anything needs it.
//!
//! Its owner holds a lock on it, which the system gives back however the process ends. So what a
//! killed process left can be told from what is in use, also where processes of several
//! containers, whose ids mean nothing to each other, share a disk. It is removed by whoever makes
//! a folder beside it.
//!
//! ```text
//! mkdir argus-7-….new ─▶ lock ─▶ rename to argus-7-… ─▶ runs ─▶ remove
//! ```
//! A folder without lock thus never has the name of one that may be removed.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use argus_base::env::splitmix64;
use argus_base::{Error, Result};

/// Its page: runs cannot be written.
pub const CANNOT_SPILL: &str = "AR5302";

/// Tells folders of one process apart where chance does not, as in simulated worlds.
static NEXT_FOLDER: AtomicU64 = AtomicU64::new(0);

/// A folder of this process alone; removed with all that is in it when dropped.
#[derive(Debug)]
pub struct SpillFolder {
    path: PathBuf,
    /// Holds the lock; `None` where the file system knows none: then nobody else gets it either.
    _lock: Option<File>,
}

impl SpillFolder {
    /// Makes one below `parent`, which is made too, and removes those beside it that nobody owns
    /// any more.
    pub fn make(parent: &Path, random: u64) -> Result<SpillFolder> {
        let random = splitmix64(random ^ NEXT_FOLDER.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(format!("argus-{}-{random:016x}", std::process::id()));
        let made = fs::create_dir_all(parent).and_then(|()| make_locked(&path));
        let lock = made.map_err(|error| cannot_make(parent, &error))?;
        remove_abandoned(parent);
        Ok(SpillFolder { path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of it.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Somebody who clears temporary folders may have removed it while it was empty.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        fs::write(path, bytes)
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // What cannot be removed now is by the next process that spills there.
        drop(fs::remove_dir_all(&self.path));
    }
}

fn make_locked(path: &Path) -> io::Result<Option<File>> {
    let new = path.with_extension("new");
    DirBuilder::new().mode(0o700).create(&new)?;
    let folder = File::open(&new)?;
    let is_locked = folder.try_lock().is_ok();
    fs::rename(&new, path)?;
    Ok(is_locked.then_some(folder))
}

fn cannot_make(parent: &Path, error: &io::Error) -> Error {
    let parent = parent.display();
    let message = format!("cannot make a folder for spilled state in '{parent}': {error}");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::transient(CANNOT_SPILL, message)
        }
        _ => Error::user(CANNOT_SPILL, message),
    }
}

/// Removes folders whose owners have died. Of a folder that cannot be read or locked nothing is
/// known, and it stays.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || !entry.file_name().to_str().is_some_and(is_name) {
            continue;
        }
        let path = entry.path();
        let abandoned = File::open(&path).ok().filter(|folder| folder.try_lock().is_ok());
        // Locked until it is gone; what cannot be removed is nobody's loss.
        if abandoned.is_some() {
            drop(fs::remove_dir_all(&path));
        }
    }
}

/// Whether a folder of that name holds runs.
fn is_name(name: &str) -> bool {
    let parts = name.strip_prefix("argus-").and_then(|rest| rest.split_once('-'));
    let Some((pid, random)) = parts else { return false };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    pid.parse::<u32>().is_ok() && random.len() == 16 && random.bytes().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let entries = fs::read_dir(parent).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn it_lies_in_its_parent_as_long_as_it_is_held() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("a/b");
        let folder = SpillFolder::make(&deep, 7).unwrap();
        folder.write(&folder.path().join("run"), b"rows").unwrap();
        let prefix = format!("argus-{}-", std::process::id());
        assert!(names(&deep)[0].starts_with(&prefix) && is_name(&names(&deep)[0]));
        assert_eq!(names(folder.path()), ["run"]);
        drop(folder);
        assert_eq!(names(&deep), [""; 0]);
    }

    #[test]
    fn what_the_dead_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let in_use = SpillFolder::make(parent.path(), 7).unwrap();
        let in_use_name = in_use.path().file_name().unwrap().to_str().unwrap().to_owned();
        let left = ["argus-1-0123456789abcdef", "argus-control-7", "argus-2-1", "other"];
        for name in left {
            fs::create_dir(parent.path().join(name)).unwrap();
            fs::write(parent.path().join(name).join("run"), "rows").unwrap();
        }
        let file = "argus-3-0123456789abcdef";
        fs::write(parent.path().join(file), "").unwrap();
        let mine = SpillFolder::make(parent.path(), 7).unwrap();
        let mine_name = mine.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected = vec![in_use_name.as_str(), &mine_name, file];
        expected.extend(&left[1..]);
        expected.sort_unstable();
        assert_eq!(names(parent.path()), expected);
    }

    #[test]
    fn a_parent_that_cannot_be_one_is_the_users_to_change() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = SpillFolder::make(&file, 7).unwrap_err();
        assert_eq!((error.kind(), error.code()), (argus_base::ErrorKind::User, CANNOT_SPILL));
        assert!(error.to_string().contains("/file'"), "{error}");
    }
}
