//! Files in a folder on disk.
//!
//! ```text
//! .part-….inprogress-<random>  ──close──▶ the same, synced  ──publish──▶  part-0-3
//!           │                                  └──prepare──▶ .part-….pending ──commit──▶ part-…
//!           └───────────── dropped: removed ◀──┘
//! ```
//! The random part is new with each file, so what a crashed run left is never taken for ours.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use argus_base::{Error, ErrorKind, Result};

use super::code;
use super::patience::Patience;
use super::place::{NewFile, NewNames, Place};
use super::prepared::{Hidden, PreparedFile, path};

/// Beyond, a process may run out of them.
const MAX_OPEN_FILES: usize = 256;

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
        std::fs::create_dir_all(&self.root).map_err(|error| {
            let message = format!("cannot make the folder '{}': {error}", self.root.display());
            Error::user(code::CANNOT_WRITE, message)
        })
    }

    fn max_open_files(&self) -> usize {
        MAX_OPEN_FILES
    }

    fn create(
        &self,
        folder: &str,
        names: &NewNames,
        _patience: &Patience,
    ) -> Result<Box<dyn NewFile>> {
        let at = self.root.join(folder);
        std::fs::create_dir_all(&at).map_err(|error| cannot(&at, &error))?;
        let hidden = at.join(&names.hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&hidden);
        let file = file.map_err(|error| cannot(&hidden, &error))?;
        Ok(Box::new(LocalFile { at, folder: folder.to_owned(), hidden: Some(hidden), file }))
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
}

impl LocalFile {
    fn hidden(&self) -> &Path {
        self.hidden.as_deref().unwrap_or(&self.at)
    }
}

impl NewFile for LocalFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| cannot(self.hidden(), &error))
    }

    fn close(&mut self) -> Result<()> {
        self.file.sync_all().map_err(|error| cannot(self.hidden(), &error))
    }

    fn prepare(
        mut self: Box<Self>,
        pending_name: &str,
        visible_name: &str,
    ) -> Result<PreparedFile> {
        let pending = self.at.join(pending_name);
        std::fs::rename(self.hidden(), &pending).map_err(|error| match error.kind() {
            IoErrorKind::NotFound => removed(self.hidden()),
            _ => cannot(&pending, &error),
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
        let mut number = first;
        loop {
            let visible = self.at.join(name(number));
            // A link, unlike a rename, never replaces a file that is there.
            match std::fs::hard_link(self.hidden(), &visible) {
                Ok(()) => break,
                Err(error) if error.kind() == IoErrorKind::AlreadyExists => number += 1,
                Err(error) if visible.exists() => return Err(cannot(&visible, &error)),
                // The file system has no links.
                Err(_) => {
                    let renamed = std::fs::rename(self.hidden(), &visible);
                    renamed.map_err(|error| cannot(&visible, &error))?;
                    break;
                }
            }
        }
        let at = self.at.clone();
        // Removes the hidden name.
        drop(self);
        sync_folder(&at)?;
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
    Error::user(code::CANNOT_WRITE, format!("cannot write '{}': {error}", path.display()))
}
