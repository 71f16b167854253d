//! The checkpoint store: objects that outlive every worker. Nobody may replace one by another: its
//! reader, or a commit record, may know the first.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use argus_base::{Error, Result};
use argus_state::storage::{MemoryStorage, ObjectInfo, Storage};

use crate::crew::WorkerId;
use crate::world::{Call, Effect, System, World, lock};

/// The objects, by folder.
#[derive(Default)]
pub struct Store {
    folders: BTreeMap<String, Arc<MemoryStorage>>,
}

impl Store {
    /// The objects below a folder, as they are: a look of this kind never fails.
    pub fn folder(&mut self, folder: &str) -> Arc<MemoryStorage> {
        Arc::clone(self.folders.entry(folder.to_owned()).or_default())
    }
}

/// A folder of the store as one worker reaches it.
pub struct WorkerStorage {
    /// Where it is.
    pub world: Arc<World>,
    /// Whose calls they are.
    pub worker: WorkerId,
    /// The folder.
    pub folder: String,
}

impl WorkerStorage {
    fn call<T: 'static>(
        &self,
        name: &str,
        path: &str,
        effect: Effect,
        perform: impl FnOnce(&MemoryStorage, &str) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (folder, at) = (self.folder.clone(), path.to_owned());
        let name = format!("{name} {path}");
        let call = Call { worker: self.worker, system: System::Store, name: &name, effect };
        self.world.call(call, move |world| {
            let objects = lock(&world.store).folder(&folder);
            perform(&objects, &at)
        })
    }

    /// The first part of the object is there, and no answer comes.
    fn tear(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let length = self.world.draw(|dice| dice.index(bytes.len() + 1));
        self.world.note(&format!("{}: put {path} is torn at {length} bytes", self.worker));
        let objects = lock(&self.world.store).folder(&self.folder);
        objects.put(path, &bytes[..length])?;
        Err(Error::transient("AR5101", format!("the simulated store tore {path}")))
    }
}

impl Storage for WorkerStorage {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        if self.world.happens(|climate| climate.torn) {
            return self.tear(path, bytes);
        }
        let (bytes, world, worker) = (bytes.to_vec(), Arc::clone(&self.world), self.worker);
        self.call("put", path, Effect::WritesLate, move |objects, path| {
            let before = objects.get(path)?.unwrap_or_default();
            // What was torn is the beginning of what comes now.
            if !bytes.starts_with(&before) {
                world.find(format!("{worker} writes over {path}, which has other content"));
            }
            objects.put(path, &bytes)
        })
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let bytes = bytes.to_vec();
        self.call("put if absent", path, Effect::WritesLate, move |objects, path| {
            objects.put_if_absent(path, &bytes)
        })
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.call("get", path, Effect::Reads, |objects, path| objects.get(path))
    }

    fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        self.call("get range of", path, Effect::Reads, move |objects, path| {
            objects.get_range(path, range)
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        self.call("list", prefix, Effect::Reads, |objects, prefix| objects.list(prefix))
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.call("delete", path, Effect::WritesLate, |objects, path| objects.delete(path))
    }
}
