//! Where the files of a table go, and what such a place must be able to do.

use argus_base::Result;

use super::patience::Patience;
use super::prepared::PreparedFile;

/// A folder on disk or below a bucket's prefix. Paths are below it, with `/` between their parts.
/// Every call may block, is one attempt, and has made durable what it did when it returns.
pub trait Place: Send + Sync {
    /// As it is named to people.
    fn name(&self) -> String;

    /// Makes it where it is missing.
    fn make(&self) -> Result<()>;

    /// Most files that one writer has open.
    fn max_open_files(&self) -> usize;

    /// Begins a hidden file in a partition's folder. It and the file's calls wait for a server that
    /// is away or a disk that is full with the writer's patience; so what they return is final.
    fn create(
        &self,
        folder: &str,
        names: &NewNames,
        patience: &Patience,
    ) -> Result<Box<dyn NewFile>>;

    /// Makes a prepared file visible. A file that is visible already stays as it is; one that is
    /// nowhere is an error of kind `Corrupt`.
    fn publish(&self, file: &PreparedFile) -> Result<()>;

    /// Makes what happened in these folders durable, where that takes a step of its own.
    fn settle(&self, folders: &[&str]) -> Result<()>;

    /// The whole of a small file; `None` where there is none.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Writes a small file as a whole, unless one is there: then it stays and this is `false`.
    fn write_new(&self, path: &str, bytes: &[u8]) -> Result<bool>;

    /// Writes an empty file, in place of one that is there. Nothing where its folder is gone:
    /// somebody has taken it away.
    fn touch(&self, path: &str) -> Result<()>;

    /// Names of the files in a folder; none where it is not there.
    fn names(&self, folder: &str) -> Result<Vec<String>>;

    /// Paths of the hidden files in the table's folder and the folders down to `depth` below it.
    fn hidden_files(&self, depth: usize) -> Result<Vec<String>>;

    /// Removes a file, where it is there.
    fn remove(&self, path: &str) -> Result<()>;
}

/// Names for a new file, of which a place uses one.
pub struct NewNames {
    /// While it is being written, where a hidden file is one with another name.
    pub hidden: String,
    /// For ever, where a file cannot be renamed.
    pub fixed: String,
}

/// A hidden file that is being written. Dropped before it is prepared or published, it is gone.
pub trait NewFile: Send {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;

    /// Nothing is appended any more: makes the file durable.
    fn close(&mut self) -> Result<()>;

    /// Leaves the closed file to a committer, by which it becomes visible under that name.
    fn prepare(self: Box<Self>, pending_name: &str, visible_name: &str) -> Result<PreparedFile>;

    /// Makes the closed file visible under the first name that is free: `name(n)` for `n` from
    /// `first` on. Returns the number after the one taken.
    fn publish(self: Box<Self>, first: u64, name: &dyn Fn(u64) -> String) -> Result<u64>;
}
