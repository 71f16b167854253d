//! Files in a folder on disk.
//!
//! ```text
//! .part-….inprogress-<random>  ──close──▶ the same, synced  ──publish──▶  part-0-3
//!           │                                  └──prepare──▶ .part-….pending ──commit──▶ part-…
//!           └───────────── dropped: removed ◀──┘
//! ```
//! The random part is new with each file, so what a crashed run left is never taken for ours.
//!
//! A disk that is full or fails is waited for, but for the sync of a file: one that has failed may
//! claim success the next time although bytes are gone. The error goes out, and a job with
//! checkpoints goes back to its last one.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use argus_base::{Error, ErrorKind, Result};

use super::code;
use super::patience::Patience;
use super::place::{NewFile, NewNames, Place};
use super::prepared::{Hidden, PreparedFile, path};

/// Beyond, a process may run out of them.
const MAX_OPEN_FILES: usize = 256;
/// "Input/output error", for which the standard library has no word.
const EIO: i32 = 5;

/// A folder.
pub struct LocalPlace {
    root: PathBuf,
}

impl LocalPlace {
    /// The folder at that path, which need not be there.
    pub fn new(root: PathBuf) -> Result<LocalPlace> {
        if root.is_file() {
            let message = format!("'{}' is a file; a sink writes into a folder", root.display());
            return Err(Error::user(code::CANNOT_WRITE, message));
        }
        Ok(LocalPlace { root })
    }

    fn collect_hidden(&self, folder: &str, depth: usize, found: &mut Vec<String>) -> Result<()> {
        let at = self.root.join(folder);
        let cannot = |error| cannot(&at, &error);
        for entry in std::fs::read_dir(&at).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                found.push(path(folder, &name));
            } else if depth > 0 && entry.file_type().map_err(cannot)?.is_dir() {
                self.collect_hidden(&path(folder, &name), depth - 1, found)?;
            }
        }
        Ok(())
    }
}

impl Place for LocalPlace {
    fn name(&self) -> String {
        format!("file {}", self.root.display())
    }

    fn make(&self) -> Result<()> {
        std::fs::create_dir_all(&self.root)
            .map_err(|error| failed("cannot make the folder", &self.root, &error))
    }

    fn max_open_files(&self) -> usize {
        MAX_OPEN_FILES
    }

    fn create(
        &self,
        folder: &str,
        names: &NewNames,
        patience: &Patience,
    ) -> Result<Box<dyn NewFile>> {
        let at = self.root.join(folder);
        let hidden = at.join(&names.hidden);
        let file = patience.insist(|| {
            std::fs::create_dir_all(&at).map_err(|error| cannot(&at, &error))?;
            let file = OpenOptions::new().write(true).create_new(true).open(&hidden);
            file.map_err(|error| cannot(&hidden, &error))
        })?;
        let (folder, patience) = (folder.to_owned(), patience.clone());
        Ok(Box::new(LocalFile { at, folder, hidden: Some(hidden), file, n_bytes: 0, patience }))
    }

    fn publish(&self, file: &PreparedFile) -> Result<()> {
        let Hidden::File(hidden_name) = &file.hidden else {
            return Err(Error::bug("a folder was given an upload"));
        };
        let hidden = self.root.join(path(&file.folder, hidden_name));
        let visible = self.root.join(file.path());
        match std::fs::rename(&hidden, &visible) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() != IoErrorKind::NotFound => Err(cannot(&visible, &error)),
            Err(_) if visible.exists() => Ok(()),
            Err(_) => Err(lost(&visible.display().to_string(), &hidden.display().to_string())),
        }
    }

    fn settle(&self, folders: &[&str]) -> Result<()> {
        let mut touched: Vec<&Path> = Vec::new();
        for folder in folders {
            // A folder that is new is durable when the one above it is synced.
            touched.extend(Path::new(folder).ancestors());
        }
        touched.sort();
        touched.dedup();
        touched.into_iter().try_for_each(|folder| sync_folder(&self.root.join(folder)))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let path = self.root.join(path);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot(&path, &error)),
        }
    }

    fn write_new(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
        let is_new = write_and_link(folder, &path, bytes)?;
        sync_folder(folder)?;
        sync_folder(&self.root)?;
        Ok(is_new)
    }

    fn touch(&self, path: &str) -> Result<()> {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(&self.root);
        let touched = File::create(&path)
            .and_then(|file| file.sync_all())
            .and_then(|()| File::open(folder)?.sync_all());
        match touched {
            Err(error) if error.kind() != IoErrorKind::NotFound => Err(cannot(&path, &error)),
            _ => Ok(()),
        }
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let folder = self.root.join(folder);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot(&folder, &error)),
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<_>>().map_err(|error| cannot(&folder, &error))
    }

    fn hidden_files(&self, depth: usize) -> Result<Vec<String>> {
        let mut found = Vec::new();
        self.collect_hidden("", depth, &mut found)?;
        Ok(found)
    }

    fn remove(&self, path: &str) -> Result<()> {
        let path = self.root.join(path);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != IoErrorKind::NotFound => Err(cannot(&path, &error)),
            _ => Ok(()),
        }
    }
}

/// A hidden file.
struct LocalFile {
    at: PathBuf,
    folder: String,
    /// `None` once somebody else has it.
    hidden: Option<PathBuf>,
    file: File,
    /// Those that were appended.
    n_bytes: u64,
    patience: Patience,
}

impl LocalFile {
    fn hidden(&self) -> &Path {
        self.hidden.as_deref().unwrap_or(&self.at)
    }

    /// Whether the file has that name too.
    fn is_at(&self, path: &Path) -> bool {
        let identity = |file: std::fs::Metadata| (file.dev(), file.ino());
        let (own, found) = (self.file.metadata(), std::fs::symlink_metadata(path));
        own.is_ok_and(|own| found.is_ok_and(|found| identity(own) == identity(found)))
    }

    /// One attempt to give the file the first name that is free; returns its number.
    fn take_name(&self, first: u64, name: &dyn Fn(u64) -> String) -> Result<u64> {
        let mut number = first;
        loop {
            let visible = self.at.join(name(number));
            // A link, unlike a rename, never replaces a file that is there.
            match std::fs::hard_link(self.hidden(), &visible) {
                Ok(()) => return Ok(number),
                // By an earlier attempt, although it failed.
                Err(_) if self.is_at(&visible) => return Ok(number),
                Err(error) if error.kind() == IoErrorKind::AlreadyExists => number += 1,
                Err(error) if visible.exists() || may_pass(&error) => {
                    return Err(cannot(&visible, &error));
                }
                // The file system has no links.
                Err(_) => {
                    let renamed = std::fs::rename(self.hidden(), &visible);
                    return renamed.map(|()| number).map_err(|error| cannot(&visible, &error));
                }
            }
        }
    }
}

impl NewFile for LocalFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let attempt = || match self.file.write_all_at(bytes, self.n_bytes) {
            // The handle stays as it is, whatever comes back.
            Err(error) if error.kind() == IoErrorKind::StaleNetworkFileHandle => Ok(Err(error)),
            Err(error) => Err(cannot(self.hidden(), &error)),
            Ok(()) => Ok(Ok(())),
        };
        // At its place: what a failed attempt has left of the bytes is written over.
        let written = self.patience.insist(attempt)?;
        written.map_err(|error| broken(self.hidden(), &error))?;
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.file.sync_all().map_err(|error| broken(self.hidden(), &error))
    }

    fn prepare(
        mut self: Box<Self>,
        pending_name: &str,
        visible_name: &str,
    ) -> Result<PreparedFile> {
        let pending = self.at.join(pending_name);
        self.patience.insist(|| match std::fs::rename(self.hidden(), &pending) {
            Ok(()) => Ok(()),
            // By an earlier attempt, although it failed.
            Err(_) if self.is_at(&pending) => Ok(()),
            Err(error) if error.kind() == IoErrorKind::NotFound => Err(removed(self.hidden())),
            Err(error) => Err(cannot(&pending, &error)),
        })?;
        self.hidden = None;
        Ok(PreparedFile {
            folder: self.folder.clone(),
            name: visible_name.to_owned(),
            hidden: Hidden::File(pending_name.to_owned()),
            n_rows: 0,
        })
    }

    fn publish(self: Box<Self>, first: u64, name: &dyn Fn(u64) -> String) -> Result<u64> {
        let number = self.patience.insist(|| self.take_name(first, name))?;
        let (at, patience) = (self.at.clone(), self.patience.clone());
        // Removes the hidden name.
        drop(self);
        patience.insist(|| sync_folder(&at))?;
        Ok(number + 1)
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        let Some(hidden) = &self.hidden else { return };
        // A published file keeps its other name. Left behind, the hidden one would only be
        // rubbish that nobody reads, so a failure to remove it is no matter.
        let _rubbish = std::fs::remove_file(hidden);
    }
}

/// The error of a file that its note promises and that is nowhere.
pub fn lost(visible: &str, hidden: &str) -> Error {
    let message = format!(
        "the file '{visible}' of a committed checkpoint is nowhere, nor is what it was to be \
         made of: '{hidden}'"
    );
    Error::new(ErrorKind::Corrupt, code::LOST_FILE, message)
}

/// The error of a file that somebody took away while it was written.
fn removed(hidden: &Path) -> Error {
    let message = format!(
        "'{}' was removed while it was written, as another run of the job does",
        hidden.display()
    );
    Error::new(ErrorKind::Fenced, code::FENCED, message)
}

/// The error of a file whose bytes may be gone: another one must be made.
fn broken(hidden: &Path, error: &std::io::Error) -> Error {
    let error = cannot(hidden, error);
    let is_lost = error.kind() == ErrorKind::Transient;
    if is_lost { Error::new(ErrorKind::Lost, code::AWAY, error.to_string()) } else { error }
}

/// Makes a whole file under a name that nobody has; `false` where somebody has it.
fn write_and_link(folder: &Path, path: &Path, bytes: &[u8]) -> Result<bool> {
    let written = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            Ok(file)
        });
    let file = written.map_err(|error| cannot(path, &error))?;
    match file.persist_noclobber(path).map_err(|error| error.error) {
        Ok(_) => Ok(true),
        // In the second case a new owner has cleared the folder.
        Err(error)
            if matches!(error.kind(), IoErrorKind::AlreadyExists | IoErrorKind::NotFound) =>
        {
            Ok(false)
        }
        Err(error) => Err(cannot(path, &error)),
    }
}

fn sync_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| cannot(folder, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    failed("cannot write", path, error)
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let message = format!("{what} '{}': {error}", path.display());
    if may_pass(error) {
        return Error::transient(code::AWAY, message);
    }
    Error::user(code::CANNOT_WRITE, message)
}

/// Whether time mends it: a full disk is freed, a network folder comes back. Of a disk that may
/// only be read we cannot tell whether it was meant so; that needs the user, as rights do.
fn may_pass(error: &std::io::Error) -> bool {
    use IoErrorKind::{QuotaExceeded, StaleNetworkFileHandle, StorageFull, TimedOut};
    let is_named =
        matches!(error.kind(), StorageFull | QuotaExceeded | StaleNetworkFileHandle | TimedOut);
    is_named || error.raw_os_error() == Some(EIO)
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
