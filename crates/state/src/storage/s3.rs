//! A bucket of S3 or of a server that speaks its language.

use std::collections::BTreeMap;
use std::ops::Range;

use argus_base::{Error, Result};

use super::{ObjectInfo, Storage};

/// The store.
#[derive(Debug)]
pub struct S3Storage {}
impl S3Storage {
    /// Opens a bucket below a prefix.
    pub fn open(_b: &str, _p: &str, _s: &BTreeMap<String, String>) -> Result<S3Storage> {
        Err(Error::bug("not yet"))
    }
}
impl Storage for S3Storage {
    fn put(&self, _path: &str, _bytes: &[u8]) -> Result<()> {
        Err(Error::bug("not yet"))
    }
    fn put_if_absent(&self, _path: &str, _bytes: &[u8]) -> Result<bool> {
        Err(Error::bug("not yet"))
    }
    fn get(&self, _path: &str) -> Result<Option<Vec<u8>>> {
        Err(Error::bug("not yet"))
    }
    fn get_range(&self, _path: &str, _range: Range<u64>) -> Result<Option<Vec<u8>>> {
        Err(Error::bug("not yet"))
    }
    fn list(&self, _prefix: &str) -> Result<Vec<ObjectInfo>> {
        Err(Error::bug("not yet"))
    }
    fn delete(&self, _path: &str) -> Result<()> {
        Err(Error::bug("not yet"))
    }
}
