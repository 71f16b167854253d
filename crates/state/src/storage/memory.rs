//! In memory: for tests, and for jobs that take checkpoints without a folder for them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argus_base::Result;

use super::{ObjectInfo, Storage, check_path, part};

/// The store.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    objects: Mutex<BTreeMap<String, Arc<[u8]>>>,
}

impl MemoryStorage {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Arc<[u8]>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object, shared: it is copied without the lock.
    fn object(&self, path: &str) -> Result<Option<Arc<[u8]>>> {
        check_path(path)?;
        Ok(self.objects().get(path).cloned())
    }
}

impl Storage for MemoryStorage {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        check_path(path)?;
        self.objects().insert(path.to_owned(), bytes.into());
        Ok(())
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        check_path(path)?;
        let mut objects = self.objects();
        let is_absent = !objects.contains_key(path);
        if is_absent {
            objects.insert(path.to_owned(), bytes.into());
        }
        Ok(is_absent)
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.object(path)?.map(|bytes| bytes.to_vec()))
    }

    fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        Ok(self.object(path)?.map(|bytes| part(&bytes, range)))
    }

    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        check_path(prefix)?;
        let objects = self.objects();
        let from_prefix = objects.range(prefix.to_owned()..);
        let within = from_prefix.take_while(|(path, _)| path.starts_with(prefix));
        let infos = within
            .map(|(path, bytes)| ObjectInfo { path: path.clone(), n_bytes: bytes.len() as u64 });
        Ok(infos.collect())
    }

    fn delete(&self, path: &str) -> Result<()> {
        check_path(path)?;
        self.objects().remove(path);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn keeps_the_contract() {
        testing::check_contract(&MemoryStorage::default());
    }
}
