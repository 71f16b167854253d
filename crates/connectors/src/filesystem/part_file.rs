//! One file of a sink: rows go through the format into a hidden file of the table's place.

use std::time::Duration;

use argus_base::Result;

use super::place::NewFile;
use super::prepared::PreparedFile;
use crate::format::FileWriter;

/// Bytes gathered before they go to the file.
const WRITE_BYTES: usize = 256 << 10;

/// A file that is being written.
pub struct PartFile {
    folder: String,
    file: Box<dyn NewFile>,
    writer: Box<dyn FileWriter>,
    unwritten: Vec<u8>,
    n_bytes: u64,
    n_rows: u64,
    opened_at: Duration,
}

/// A file that is complete and durable, but hidden.
pub struct ClosedPart {
    /// Its partition's folder.
    pub folder: String,
    /// Rows in it.
    pub n_rows: u64,
    file: Box<dyn NewFile>,
}

impl PartFile {
    /// A file in which nothing stands yet.
    pub fn new(
        folder: &str,
        file: Box<dyn NewFile>,
        writer: Box<dyn FileWriter>,
        now: Duration,
    ) -> PartFile {
        let (folder, unwritten) = (folder.to_owned(), Vec::new());
        PartFile { folder, file, writer, unwritten, n_bytes: 0, n_rows: 0, opened_at: now }
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
        self.n_rows += (n_rows - failures.len()) as u64;
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

    /// Ends the file and makes it durable.
    pub fn close(mut self) -> Result<ClosedPart> {
        self.writer.finish(&mut self.unwritten)?;
        self.write_out()?;
        self.file.close()?;
        Ok(ClosedPart { folder: self.folder, n_rows: self.n_rows, file: self.file })
    }

    fn write_out(&mut self) -> Result<()> {
        self.file.append(&self.unwritten)?;
        self.unwritten.clear();
        Ok(())
    }
}

impl ClosedPart {
    /// Leaves it to a committer.
    pub fn prepare(self, pending_name: &str, visible_name: &str) -> Result<PreparedFile> {
        let prepared = self.file.prepare(pending_name, visible_name)?;
        Ok(PreparedFile { n_rows: self.n_rows, ..prepared })
    }

    /// Makes it visible under the first of these names that is free; returns the number after it.
    pub fn publish(self, first: u64, name: &dyn Fn(u64) -> String) -> Result<u64> {
        self.file.publish(first, name)
    }
}
