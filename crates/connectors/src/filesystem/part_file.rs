//! One file of a sink: hidden while it is written, durable when closed, visible when published.
//!
//! ```text
//! .part-0-3.inprogress-<random>  ──close──▶ the same, synced  ──publish──▶  part-0-3
//!           └──────────────── dropped before: removed ◀──────┘
//! ```
//! The random part is new with each file, so what a crashed run left is never taken for ours.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use argus_base::{Error, Result};

use super::code;
use crate::format::FileWriter;

/// Bytes gathered before they go to the file.
const WRITE_BYTES: usize = 256 << 10;

/// A file that is being written.
pub struct PartFile {
    folder: PathBuf,
    hidden: PathBuf,
    file: File,
    writer: Box<dyn FileWriter>,
    unwritten: Vec<u8>,
    n_bytes: u64,
    opened_at: Duration,
}

/// A file that is complete and durable, but hidden.
pub struct ClosedPart(PartFile);

impl PartFile {
    /// Begins a hidden file in the folder, which is made where it is missing.
    pub fn create(
        folder: &Path,
        hidden_name: &str,
        writer: Box<dyn FileWriter>,
        now: Duration,
    ) -> Result<PartFile> {
        std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
        let hidden = folder.join(hidden_name);
        let file = OpenOptions::new().write(true).create_new(true).open(&hidden);
        let file = file.map_err(|error| cannot(&hidden, &error))?;
        Ok(PartFile {
            folder: folder.to_owned(),
            hidden,
            file,
            writer,
            unwritten: Vec::new(),
            n_bytes: 0,
            opened_at: now,
        })
    }

    /// Appends rows and returns those that could not be encoded.
    pub fn write(
        &mut self,
        columns: &[arrow_array::ArrayRef],
        n_rows: usize,
    ) -> Result<Vec<(usize, String)>> {
        let before = self.unwritten.len();
        let failures = self.writer.write(columns, n_rows, &mut self.unwritten)?;
        self.n_bytes += (self.unwritten.len() - before) as u64;
        if self.unwritten.len() >= WRITE_BYTES {
            self.write_out()?;
        }
        Ok(failures)
    }

    /// Size so far in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// When it was begun.
    pub fn opened_at(&self) -> Duration {
        self.opened_at
    }

    /// Makes what was written durable.
    pub fn sync(&mut self) -> Result<()> {
        self.write_out()?;
        self.file.sync_all().map_err(|error| cannot(&self.hidden, &error))
    }

    /// Ends the file and makes it durable.
    pub fn close(mut self) -> Result<ClosedPart> {
        self.writer.finish(&mut self.unwritten)?;
        self.sync()?;
        Ok(ClosedPart(self))
    }

    fn write_out(&mut self) -> Result<()> {
        let written = self.file.write_all(&self.unwritten);
        written.map_err(|error| cannot(&self.hidden, &error))?;
        self.unwritten.clear();
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // A published file keeps its other name. Left behind, the hidden one would only be
        // rubbish that nobody reads, so a failure to remove it is no matter.
        let _rubbish = std::fs::remove_file(&self.hidden);
    }
}

impl ClosedPart {
    /// Makes the file visible under the first name that is free: `name(n)` for `n` from `first`
    /// on. Returns the number after the one taken.
    pub fn publish(self, first: u64, name: impl Fn(u64) -> String) -> Result<u64> {
        let part = &self.0;
        let mut number = first;
        loop {
            let visible = part.folder.join(name(number));
            // A link, unlike a rename, never replaces a file that is there.
            match std::fs::hard_link(&part.hidden, &visible) {
                Ok(()) => break,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) if visible.exists() => return Err(cannot(&visible, &error)),
                // The file system has no links.
                Err(_) => {
                    let renamed = std::fs::rename(&part.hidden, &visible);
                    renamed.map_err(|error| cannot(&visible, &error))?;
                    break;
                }
            }
        }
        let folder = part.folder.clone();
        // Removes the hidden name.
        drop(self);
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| cannot(&folder, &error))?;
        Ok(number + 1)
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::user(code::CANNOT_WRITE, format!("cannot write '{}': {error}", path.display()))
}
