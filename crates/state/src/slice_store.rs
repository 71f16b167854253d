//! State by slice: each slice's keys and whatever is kept per key, dropped whole when the slice
//! expires.

use std::collections::BTreeMap;

use crate::KeyTable;
use crate::dirty::DirtySlots;
use crate::spill::SliceRun;

/// Which slice: ordered by end, so that firing walks the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SliceKey {
    /// Exclusive end, in milliseconds of the windows' time line.
    pub end: i64,
    /// Start, which tells apart attached windows that end together.
    pub start: i64,
}

impl SliceKey {
    /// The slice of state without windows: it lives for ever.
    pub const KEYED: SliceKey = SliceKey { end: i64::MAX, start: i64::MIN };
}

/// The keys of one slice, and its columns over the keys' slots.
pub struct Slice<T> {
    /// Slot of each key.
    pub keys: KeyTable,
    /// What is kept per slot.
    pub values: T,
    /// Slots that changed since the last seal; nobody marks any where none is asked for.
    pub dirty: DirtySlots,
    /// What of the slice was spilled, oldest first. A key may be in any of them and in memory.
    pub runs: Vec<SliceRun>,
}

impl<T> Slice<T> {
    /// A slice without keys.
    pub fn new(values: T) -> Slice<T> {
        let (keys, dirty) = (KeyTable::default(), DirtySlots::default());
        Slice { keys, values, dirty, runs: Vec::new() }
    }
}

/// All live slices of one operator subtask.
pub struct SliceStore<T> {
    slices: BTreeMap<SliceKey, Slice<T>>,
}

impl<T> Default for SliceStore<T> {
    fn default() -> SliceStore<T> {
        SliceStore { slices: BTreeMap::new() }
    }
}

impl<T> SliceStore<T> {
    /// The slice of that key, made with `make` where there is none.
    pub fn get_or_insert(&mut self, key: SliceKey, make: impl FnOnce() -> T) -> &mut Slice<T> {
        self.slices.entry(key).or_insert_with(|| Slice::new(make()))
    }

    /// The slice of that key.
    pub fn get(&self, key: SliceKey) -> Option<&Slice<T>> {
        self.slices.get(&key)
    }

    /// The slice of that key, to be changed.
    pub fn get_mut(&mut self, key: SliceKey) -> Option<&mut Slice<T>> {
        self.slices.get_mut(&key)
    }

    /// Takes a slice away.
    pub fn remove(&mut self, key: SliceKey) -> Option<Slice<T>> {
        self.slices.remove(&key)
    }

    /// The slice that ends first.
    pub fn first(&self) -> Option<SliceKey> {
        self.slices.keys().next().copied()
    }

    /// Keys of the slices that end after `after` and at or before `until`, ascending.
    pub fn ending_in(&self, after: i64, until: i64) -> Vec<SliceKey> {
        let from = SliceKey { end: after.saturating_add(1), start: i64::MIN };
        let to = SliceKey { end: until, start: i64::MAX };
        if from > to {
            return Vec::new();
        }
        self.slices.range(from..=to).map(|(key, _)| *key).collect()
    }

    /// All slices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&SliceKey, &Slice<T>)> {
        self.slices.iter()
    }

    /// All slices, ascending, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&SliceKey, &mut Slice<T>)> {
        self.slices.iter_mut()
    }

    /// Number of slices.
    pub fn len(&self) -> usize {
        self.slices.len()
    }

    /// Whether there is no slice.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Number of keys over all slices.
    pub fn n_keys(&self) -> usize {
        self.slices.values().map(|slice| slice.keys.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_open_below_and_closed_above() {
        let mut store: SliceStore<()> = SliceStore::default();
        for end in [10, 20, 30] {
            store.get_or_insert(SliceKey { end, start: end - 10 }, || ());
        }
        let ends = |after, until| -> Vec<i64> {
            store.ending_in(after, until).into_iter().map(|key| key.end).collect()
        };
        assert_eq!(ends(10, 30), [20, 30]);
        assert_eq!(ends(0, 10), [10]);
        assert_eq!(ends(30, 30), [0; 0]);
        assert_eq!(store.first(), Some(SliceKey { end: 10, start: 0 }));
    }
}
