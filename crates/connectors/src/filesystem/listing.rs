//! Which files a table has: recursive, in order of path, names that begin with `.` or `_` left
//! out, as Flink does.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use argus_base::{Error, Result};
use fancy_regex::Regex;

use super::{code, glob, partition};

/// Deepest nesting; symbolic links may form a circle.
const MAX_DEPTH: usize = 64;

/// A file as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change in milliseconds since 1970.
    pub modified_ms: i64,
    /// The table's partition keys in order, each with the name its folder says.
    pub partition: Vec<String>,
}

/// What to list.
pub struct Listing {
    /// The `path` option.
    pub path: PathBuf,
    /// The whole absolute path matches it.
    pub pattern: Option<Regex>,
    /// The table's partition keys.
    pub partition_keys: Vec<String>,
    /// Whether files may come later, so that a pattern need not match any.
    pub is_monitored: bool,
}

/// The regular expression that matches whole texts only.
pub fn whole_match(pattern: &str) -> std::result::Result<Regex, String> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())
}

impl Listing {
    /// The files that are there now, in order of path.
    pub fn list(&self) -> Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        for root in self.roots()? {
            self.add(&root, &root, 0, &mut files).map_err(|error| cannot(&root, &error))?;
        }
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(files)
    }

    fn roots(&self) -> Result<Vec<PathBuf>> {
        if self.path.exists() {
            return Ok(vec![self.path.clone()]);
        }
        let shown = self.path.display();
        if !glob::is_pattern(&self.path) {
            let message = format!("there is no file or folder '{shown}'");
            return Err(Error::user(code::CANNOT_READ, message));
        }
        let found = glob::expand(&self.path).map_err(|error| cannot(&self.path, &error))?;
        if found.is_empty() && !self.is_monitored {
            return Err(Error::user(code::CANNOT_READ, format!("no file matches '{shown}'")));
        }
        Ok(found)
    }

    fn add(
        &self,
        root: &Path,
        path: &Path,
        depth: usize,
        files: &mut Vec<FileEntry>,
    ) -> std::io::Result<()> {
        // A file may go while the folder is read: then it is not there.
        let Some(metadata) = found(std::fs::metadata(path))? else { return Ok(()) };
        if metadata.is_file() {
            files.extend(self.entry(root, path, &metadata));
        }
        if !metadata.is_dir() || depth > MAX_DEPTH {
            return Ok(());
        }
        for entry in std::fs::read_dir(path)? {
            let name = entry?.file_name();
            let is_hidden = name.to_string_lossy().starts_with(['.', '_']);
            if !is_hidden {
                self.add(root, &path.join(name), depth + 1, files)?;
            }
        }
        Ok(())
    }

    fn entry(&self, root: &Path, path: &Path, metadata: &std::fs::Metadata) -> Option<FileEntry> {
        if let Some(pattern) = &self.pattern {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            if !pattern.is_match(absolute.to_string_lossy().as_ref()).unwrap_or(false) {
                return None;
            }
        }
        let folders = path.parent().and_then(|parent| parent.strip_prefix(root).ok());
        let partition = partition::names(folders.unwrap_or(Path::new("")), &self.partition_keys);
        if partition.is_none() {
            tracing::warn!(path = %path.display(), "file outside of any partition is left out");
        }
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(FileEntry {
            path: path.to_owned(),
            size: metadata.len(),
            modified_ms: i64::try_from(modified.as_millis()).unwrap_or(i64::MAX),
            partition: partition?,
        })
    }
}

fn found<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::user(code::CANNOT_READ, format!("cannot list '{}': {error}", path.display()))
}
