//! A set of keys of which any can be taken out: hash → slot. Slots of keys that are gone are used
//! again, so that columns over slots stay as short as there were keys at a time.
//!
//! A [`crate::KeyTable`] is smaller where keys only come.

use argus_base::key_group::key_hash;
use arrow_array::BinaryArray;
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use hashbrown::HashTable;

use crate::key_codec::EncodedKeys;

/// Finds the slot of a key.
#[derive(Debug, Default)]
pub struct SlotTable {
    entries: HashTable<Entry>,
    /// By slot: where its key lies.
    places: Vec<Place>,
    bytes: Vec<u8>,
    /// Bytes of keys that are gone.
    n_dead_bytes: usize,
    /// Slots without a key.
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    slot: u32,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    /// [`FREE`] where the slot has no key.
    length: u32,
}

const FREE: u32 = u32::MAX;

/// Fewer dead bytes are not worth moving the others.
const MIN_DEAD_BYTES: usize = 64 << 10;

impl SlotTable {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All slots are below this, those without a key too.
    pub fn n_slots(&self) -> usize {
        self.places.len()
    }

    /// Whether the slot, which must be below `n_slots`, has a key.
    pub fn is_used(&self, slot: u32) -> bool {
        self.places[slot as usize].length != FREE
    }

    /// The key of a slot that has one.
    pub fn key(&self, slot: u32) -> &[u8] {
        key_of(&self.bytes, &self.places, slot)
    }

    /// The keys of those slots, which all have one; together they have less than 2 GiB.
    pub fn keys(&self, slots: &[u32]) -> BinaryArray {
        let mut bytes = Vec::new();
        let mut offsets = Vec::with_capacity(slots.len() + 1);
        offsets.push(0);
        for slot in slots {
            bytes.extend_from_slice(self.key(*slot));
            offsets.push(i32::try_from(bytes.len()).expect("less than 2 GiB of keys"));
        }
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        BinaryArray::new(offsets, bytes.into(), None)
    }

    /// All slots with a key, in order of the hashes of their keys.
    pub fn by_hash(&self) -> Vec<u32> {
        const BITS: u32 = 12;
        let bucket = |entry: &Entry| (entry.hash >> (u64::BITS - BITS)) as usize;
        let mut ends = vec![0_usize; 1 << BITS];
        self.entries.iter().for_each(|entry| ends[bucket(entry)] += 1);
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut slots = vec![0; self.len()];
        for entry in &self.entries {
            let end = &mut ends[bucket(entry)];
            slots[*end] = entry.slot;
            *end += 1;
        }
        let mut start = 0;
        for end in ends {
            slots[start..end].sort_by_cached_key(|slot| key_hash(self.key(*slot)));
            start = end;
        }
        slots
    }

    /// Bytes that as many more keys take for a moment, besides the keys themselves: a table that
    /// grows is there twice while it moves.
    pub fn n_bytes_to_grow(&self, n_more: usize) -> usize {
        let has_room = self.entries.len() + n_more <= self.entries.capacity();
        if has_room { 0 } else { 2 * self.entries.allocation_size() }
    }

    /// Bytes held, about.
    pub fn n_bytes(&self) -> usize {
        let columns = size_of_val(self.places.as_slice()) + size_of_val(self.free.as_slice());
        self.entries.allocation_size() + self.bytes.len() + columns
    }

    /// The slot of a key.
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = key_hash(key);
        let is_key = |entry: &Entry| {
            entry.hash == hash && key_of(&self.bytes, &self.places, entry.slot) == key
        };
        self.entries.find(hash, is_key).map(|entry| entry.slot)
    }

    /// The slot of a key, and whether the key is new.
    pub fn find_or_insert(&mut self, key: &[u8]) -> (u32, bool) {
        let hash = key_hash(key);
        let SlotTable { entries, places, bytes, .. } = self;
        let is_key = |entry: &Entry| entry.hash == hash && key_of(bytes, places, entry.slot) == key;
        if let Some(entry) = entries.find(hash, is_key) {
            return (entry.slot, false);
        }
        let length = u32::try_from(key.len()).ok().filter(|length| *length != FREE);
        let length = length.expect("an encoded key has less than 4 GiB");
        let place = Place { start: bytes.len(), length };
        bytes.extend_from_slice(key);
        let slot = match self.free.pop() {
            Some(slot) => {
                places[slot as usize] = place;
                slot
            }
            None => {
                places.push(place);
                u32::try_from(places.len() - 1).expect("a subtask has less than 2^32 keys")
            }
        };
        entries.insert_unique(hash, Entry { hash, slot }, |entry| entry.hash);
        (slot, true)
    }

    /// Puts the slot of each key into `slots`, whose former content is dropped, and calls `found`
    /// with each slot and whether its key is new.
    pub fn find_or_insert_all(
        &mut self,
        keys: &EncodedKeys,
        slots: &mut Vec<u32>,
        mut found: impl FnMut(u32, bool),
    ) {
        slots.clear();
        slots.reserve(keys.len());
        for index in 0..keys.len() {
            let (slot, is_new) = self.find_or_insert(keys.key(index));
            found(slot, is_new);
            slots.push(slot);
        }
    }

    /// Takes the key of a slot out; the slot is used for another.
    pub fn remove(&mut self, slot: u32) {
        let hash = key_hash(self.key(slot));
        let entry = self.entries.find_entry(hash, |entry| entry.slot == slot);
        assert!(entry.map(|entry| entry.remove()).is_ok(), "a slot with a key is in the table");
        let place = &mut self.places[slot as usize];
        self.n_dead_bytes += place.length as usize;
        place.length = FREE;
        self.free.push(slot);
        if self.n_dead_bytes > MIN_DEAD_BYTES && self.n_dead_bytes > self.bytes.len() / 2 {
            self.drop_dead_bytes();
        }
    }

    fn drop_dead_bytes(&mut self) {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.n_dead_bytes);
        for place in self.places.iter_mut().filter(|place| place.length != FREE) {
            let start = bytes.len();
            bytes.extend_from_slice(&self.bytes[place.start..place.start + place.length as usize]);
            place.start = start;
        }
        self.bytes = bytes;
        self.n_dead_bytes = 0;
    }
}

fn key_of<'a>(bytes: &'a [u8], places: &[Place], slot: u32) -> &'a [u8] {
    let place = places[slot as usize];
    debug_assert!(place.length != FREE, "a slot without a key is not asked for one");
    &bytes[place.start..place.start + place.length as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use argus_base::env::splitmix64;

    use super::*;

    #[test]
    fn agrees_with_a_map() {
        let mut table = SlotTable::default();
        let mut model: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let mut n_most = 0;
        for i in 0..60_000_u64 {
            let random = splitmix64(i);
            let mut key = (random % 3_000).to_le_bytes()[..3].to_vec();
            key.resize(3 + (random % 3_000) as usize % 90, 7);
            if random >> 60 < 7 {
                if let Some(slot) = model.remove(&key) {
                    assert_eq!(table.find(&key), Some(slot));
                    table.remove(slot);
                    assert!(!table.is_used(slot));
                }
                assert_eq!(table.find(&key), None);
                continue;
            }
            let (slot, is_new) = table.find_or_insert(&key);
            assert_eq!(model.insert(key.clone(), slot), (!is_new).then_some(slot));
            n_most = n_most.max(model.len());
            assert_eq!(table.key(slot), key);
        }
        assert_eq!(table.len(), model.len());
        assert_eq!(table.n_slots(), n_most, "slots are used again");
        let n_key_bytes: usize = model.keys().map(Vec::len).sum();
        assert!(table.bytes.len() <= 2 * n_key_bytes + MIN_DEAD_BYTES);
        for (key, slot) in &model {
            assert_eq!(table.key(*slot), key);
        }
        let by_hash = table.by_hash();
        assert!(by_hash.is_sorted_by_key(|slot| key_hash(table.key(*slot))));
        assert_eq!(by_hash.len(), model.len());
        let slots: Vec<u32> = model.values().copied().collect();
        assert!(table.keys(&slots).iter().flatten().eq(model.keys().map(Vec::as_slice)));
    }
}
