//! A folder of the local file system: files and folders are synced before a call returns.
//!
//! An object is written to a file `.tmp-…` beside its place, synced, and then renamed (put) or
//! hard-linked (put if absent: a link never replaces) to its name; then its folder is synced. So
//! an object is there whole or not at all, after a crash of the machine too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argus_base::time::ProcessingTime;
use argus_base::{Env, Error, Result};

use super::{ObjectInfo, Storage, check_path};

/// How the names of unfinished files begin.
const UNFINISHED: &str = ".tmp-";
/// No put takes as long: an unfinished file of that age was left by a process that is no more.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// The store.
#[derive(Debug)]
pub struct LocalStorage {
    root: PathBuf,
    /// Tells the unfinished files of this process from those of any other.
    tag: u64,
}

/// Numbers the unfinished files of this process.
static N_WRITTEN: AtomicU64 = AtomicU64::new(0);

impl LocalStorage {
    /// Opens a folder, makes it where there is none, and removes what crashed puts left behind.
    pub fn open(root: &Path, env: &Env) -> Result<LocalStorage> {
        let opening = |error| failed("open", root, &error);
        make_folders(root).map_err(opening)?;
        let root = root.canonicalize().map_err(opening)?;
        let storage = LocalStorage { root, tag: env.random() };
        storage.remove_abandoned(env.now()).map_err(opening)?;
        Ok(storage)
    }

    /// Makes a folder and those above it.
    pub fn make(root: &Path) -> Result<()> {
        make_folders(root).map_err(|error| failed("open", root, &error))
    }

    /// Opens a folder that is there, for reading only; `None` where there is none.
    pub fn look(root: &Path) -> Result<Option<LocalStorage>> {
        let opened = found(root.canonicalize()).map_err(|error| failed("open", root, &error))?;
        Ok(opened.filter(|root| root.is_dir()).map(|root| LocalStorage { root, tag: 0 }))
    }

    fn remove_abandoned(&self, now: ProcessingTime) -> io::Result<()> {
        let mut files = Vec::new();
        walk(&self.root, &mut files)?;
        for file in files {
            if is_unfinished(&file.path) && age(&file.modified, now) > ABANDONED_AFTER {
                remove_if_there(&file.path)?;
            }
        }
        Ok(())
    }

    fn file_of(&self, path: &str) -> Result<PathBuf> {
        check_path(path)?;
        Ok(self.root.join(path))
    }

    /// Writes an unfinished file beside `target` and syncs it.
    fn write_beside(&self, target: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let number = N_WRITTEN.fetch_add(1, Ordering::Relaxed);
        let path = target.with_file_name(format!("{UNFINISHED}{:016x}-{number}", self.tag));
        let mut file = self.create(&path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        match written {
            Ok(()) => Ok(path),
            Err(error) => {
                remove_what_is_of_no_use(&path);
                Err(error)
            }
        }
    }

    /// Creates a file, and its folder where that is missing. The root itself is not made again: a
    /// disk that was unmounted is waited for.
    fn create(&self, path: &Path) -> io::Result<File> {
        let create = || OpenOptions::new().write(true).create_new(true).open(path);
        match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.root.is_dir() => {
                make_folders(folder_of(path))?;
                create()
            }
            done => done,
        }
    }

    fn try_put(&self, target: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.write_beside(target, bytes)?;
        if let Err(error) = fs::rename(&unfinished, target) {
            remove_what_is_of_no_use(&unfinished);
            return Err(error);
        }
        sync_folder(folder_of(target))
    }

    /// The folder is synced too where the object was there before: whoever put it may have crashed
    /// before that, and the caller will take it for durable.
    fn try_put_if_absent(&self, target: &Path, bytes: &[u8]) -> io::Result<bool> {
        let unfinished = self.write_beside(target, bytes)?;
        let linked = fs::hard_link(&unfinished, target);
        remove_what_is_of_no_use(&unfinished);
        let is_new = match linked {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        sync_folder(folder_of(target))?;
        Ok(is_new)
    }
}

impl Storage for LocalStorage {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let file = self.file_of(path)?;
        self.try_put(&file, bytes).map_err(|error| failed("write", &file, &error))
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let file = self.file_of(path)?;
        self.try_put_if_absent(&file, bytes).map_err(|error| failed("write", &file, &error))
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let file = self.file_of(path)?;
        found(fs::read(&file)).map_err(|error| failed("read", &file, &error))
    }

    fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let file = self.file_of(path)?;
        found(read_range(&file, range)).map_err(|error| failed("read", &file, &error))
    }

    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        check_path(prefix)?;
        let within = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = self.root.join(within);
        let mut files = Vec::new();
        walk(&folder, &mut files).map_err(|error| failed("list", &folder, &error))?;
        let objects = files.into_iter().filter_map(|file| {
            let path = file.path.strip_prefix(&self.root).ok()?.to_str()?.to_owned();
            let is_wanted = path.starts_with(prefix) && !is_unfinished(&file.path);
            is_wanted.then_some(ObjectInfo { path, n_bytes: file.n_bytes })
        });
        let mut objects: Vec<ObjectInfo> = objects.collect();
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let file = self.file_of(path)?;
        remove_if_there(&file).map_err(|error| failed("delete", &file, &error))
    }
}

/// What happens next depends on who can change it: the user a permission or a path, time the rest
/// (a full disk is freed, a network folder comes back).
fn failed(doing: &str, path: &Path, error: &io::Error) -> Error {
    let message = format!("{doing} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::Unsupported => Error::user("AR5102", message),
        _ => Error::transient("AR5101", message),
    }
}

/// `None` for what is not there.
fn found<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    found(fs::remove_file(path)).map(|_| ())
}

/// An unfinished file that stays is not listed, and removed by a later start.
fn remove_what_is_of_no_use(path: &Path) {
    let _may_stay = fs::remove_file(path);
}

fn read_range(path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let end = range.end.min(file.metadata()?.len());
    let length = end.saturating_sub(range.start);
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().expect("an object lies below the root")
}

/// Makes a folder and those above it that are missing; each is durable in its own parent.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new(""));
    make_folders(parent)?;
    match fs::create_dir(folder) {
        // Another thread or process was quicker; it may not have synced it yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        done => done?,
    }
    sync_folder(parent)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    let is_here = folder.as_os_str().is_empty();
    File::open(if is_here { Path::new(".") } else { folder })?.sync_all()
}

/// A file as the folder shows it.
struct FoundFile {
    path: PathBuf,
    n_bytes: u64,
    modified: io::Result<std::time::SystemTime>,
}

/// All regular files below a folder; what vanishes meanwhile is left out.
fn walk(folder: &Path, files: &mut Vec<FoundFile>) -> io::Result<()> {
    let Some(entries) = found(fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let Some(metadata) = found(entry.metadata())? else { continue };
        if metadata.is_dir() {
            walk(&entry.path(), files)?;
        } else if metadata.is_file() {
            let (n_bytes, modified) = (metadata.len(), metadata.modified());
            files.push(FoundFile { path: entry.path(), n_bytes, modified });
        }
    }
    Ok(())
}

fn is_unfinished(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(UNFINISHED))
}

/// Zero where the file system does not say, or says the future.
fn age(modified: &io::Result<std::time::SystemTime>, now: ProcessingTime) -> Duration {
    let Ok(modified) = modified else { return Duration::ZERO };
    let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    now.saturating_sub(since_epoch)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use argus_base::ErrorKind;
    use argus_base::env::Clock;

    use super::super::testing;
    use super::*;

    fn open(folder: &Path) -> LocalStorage {
        LocalStorage::open(folder, &Env::system()).unwrap()
    }

    #[test]
    fn keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        testing::check_contract(&open(&folder.path().join("new/folders/job")));
    }

    /// A clock that stands still.
    struct Stopped(ProcessingTime);

    impl Clock for Stopped {
        fn now(&self) -> ProcessingTime {
            self.0
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _duration: Duration) {}
    }

    #[test]
    fn unfinished_files_are_not_listed_and_go_when_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(folder.path());
        storage.put("segment/1", b"whole").unwrap();
        let unfinished = folder.path().join("segment/.tmp-0-0");
        fs::write(&unfinished, b"half").unwrap();
        assert_eq!(storage.list("").unwrap().len(), 1);
        let _reopened = open(folder.path());
        assert!(unfinished.exists(), "another process may be writing it");
        let later = ProcessingTime(Env::system().now().0 + 3_600_000);
        LocalStorage::open(folder.path(), &Env::new(Arc::new(Stopped(later)), 0)).unwrap();
        assert!(!unfinished.exists());
        assert_eq!(storage.get("segment/1").unwrap().unwrap(), b"whole");
    }

    #[test]
    fn puts_leave_nothing_else_behind() {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(folder.path());
        storage.put("a", b"1").unwrap();
        storage.put_if_absent("a", b"2").unwrap();
        storage.put_if_absent("b", b"2").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn sockets_are_no_objects() {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(folder.path());
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("control.sock"));
        assert_eq!(storage.list("").unwrap(), []);
    }

    #[test]
    fn a_folder_that_has_gone_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("job");
        let storage = open(&root);
        fs::remove_dir(&root).unwrap();
        let error = storage.put("segment/1", b"").unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Transient, "AR5101"));
        assert!(!root.exists());
    }

    #[test]
    fn errors_say_who_can_change_them() {
        let kind =
            |number| failed("write", Path::new("a"), &io::Error::from_raw_os_error(number)).kind();
        // ENOSPC, EDQUOT, EIO, EROFS, ESTALE, EMFILE.
        for number in [28, 122, 5, 30, 116, 24] {
            assert_eq!(kind(number), ErrorKind::Transient, "{number}");
        }
        // EACCES, EPERM, ENOTDIR, ENAMETOOLONG.
        for number in [13, 1, 20, 36] {
            assert_eq!(kind(number), ErrorKind::User, "{number}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_the_users() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"").unwrap();
        let error =
            LocalStorage::open(&folder.path().join("file/job"), &Env::system()).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR5102"));
    }

    #[test]
    fn of_many_writers_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let storages: Vec<LocalStorage> = (0..4).map(|_| open(folder.path())).collect();
        for round in 0..50 {
            let path = format!("epoch/{round}");
            let wins = std::thread::scope(|scope| {
                let put = |storage: &LocalStorage| storage.put_if_absent(&path, b"x").unwrap();
                let threads: Vec<_> =
                    storages.iter().map(|storage| scope.spawn(move || put(storage))).collect();
                threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
            });
            assert_eq!(wins, 1);
        }
    }
}
