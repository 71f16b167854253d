//! A folder for one benchmark, gone afterwards.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// An empty folder below the temporary one.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes it.
    pub fn new(name: &str) -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("argus-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("bench: {} is still there: {error}", self.path.display());
        }
    }
}
