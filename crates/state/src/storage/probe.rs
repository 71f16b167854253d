//! The probe: does the store keep what everything rests on, that of two puts to one absent path
//! only the first succeeds?

use argus_base::{Env, Error, Result};

use super::Storage;

/// Puts an object twice if absent, and refuses a store that lets the second pass. The object is
/// deleted again; one that stays behind harms nothing.
pub(super) fn check(storage: &dyn Storage, dir: &str, env: &Env) -> Result<()> {
    let path = format!("probe/{:016x}", env.random());
    let verdict = put_twice(storage, &path, dir);
    let deleted = storage.delete(&path);
    verdict.and(deleted).map_err(|error| error.context("probe the checkpoint store"))
}

fn put_twice(storage: &dyn Storage, path: &str, dir: &str) -> Result<()> {
    // The answer to the first does not matter: `false` comes from a put that was sent twice.
    storage.put_if_absent(path, b"first")?;
    let is_replaced = storage.put_if_absent(path, b"second")?;
    let kept = storage.get(path)?;
    if !is_replaced && kept.as_deref() == Some(b"first") {
        return Ok(());
    }
    let reason = "lets a second put-if-absent of the same path pass";
    let needed = "two workers of one job could not be told apart";
    Err(Error::user("AR5104", format!("the store of '{dir}' {reason}: {needed}")))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use argus_base::ErrorKind;

    use super::super::{MemoryStorage, ObjectInfo};
    use super::*;

    /// Ignores the condition, as some servers do.
    struct Careless {
        inner: MemoryStorage,
        answer: bool,
    }

    impl Storage for Careless {
        fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
            self.inner.put(path, bytes)
        }
        fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
            self.inner.put(path, bytes)?;
            Ok(self.answer)
        }
        fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
            self.inner.get(path)
        }
        fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
            self.inner.get_range(path, range)
        }
        fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
            self.inner.list(prefix)
        }
        fn delete(&self, path: &str) -> Result<()> {
            self.inner.delete(path)
        }
    }

    #[test]
    fn a_store_that_keeps_the_promise_passes() {
        let storage = MemoryStorage::default();
        check(&storage, "memory", &Env::system()).unwrap();
        assert_eq!(storage.list("").unwrap(), []);
    }

    #[test]
    fn a_careless_store_is_refused() {
        for answer in [true, false] {
            let storage = Careless { inner: MemoryStorage::default(), answer };
            let error = check(&storage, "dir", &Env::system()).unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::User, "AR5104"));
            assert_eq!(storage.list("").unwrap(), []);
        }
    }
}
