//! A set of keys with a dense slot number each: hash → slot, in order of first appearance.

use argus_base::key_group::key_hash;
use arrow_array::BinaryArray;
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use hashbrown::HashTable;

use crate::key_codec::EncodedKeys;

/// Finds the slot of a key. Slots are 0, 1, 2 … and live as long as the table.
#[derive(Debug, Default)]
pub struct KeyTable {
    slots: HashTable<Slot>,
    /// All keys one after the other; key of slot `i` ends at `ends[i]`.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u64,
    index: u32,
}

impl KeyTable {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key of a slot, which must be below `len`.
    pub fn key(&self, slot: usize) -> &[u8] {
        key_of(&self.bytes, &self.ends, slot)
    }

    /// Makes room for more keys at once.
    pub fn reserve(&mut self, n_more: usize) {
        self.slots.reserve(n_more, |slot| slot.hash);
        self.ends.reserve(n_more);
    }

    /// Bytes held, about.
    pub fn n_bytes(&self) -> usize {
        self.slots.allocation_size() + self.bytes.len() + size_of_val(self.ends.as_slice())
    }

    /// The keys of those slots; together they have less than 2 GiB.
    pub fn keys(&self, slots: &[u32]) -> BinaryArray {
        let mut bytes = Vec::with_capacity(slots.len() * self.bytes.len() / self.len().max(1));
        let mut offsets = Vec::with_capacity(slots.len() + 1);
        offsets.push(0);
        for slot in slots {
            bytes.extend_from_slice(self.key(*slot as usize));
            offsets.push(i32::try_from(bytes.len()).expect("less than 2 GiB of keys"));
        }
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        BinaryArray::new(offsets, bytes.into(), None)
    }

    /// Puts the slot of each key into `slots`, whose former content is dropped; new keys get new
    /// slots.
    pub fn find_or_insert_all(&mut self, keys: &EncodedKeys, slots: &mut Vec<u32>) {
        slots.clear();
        slots.reserve(keys.len());
        for index in 0..keys.len() {
            slots.push(self.find_or_insert(keys.key(index)));
        }
    }

    /// The slot of a key, a new one where it is new.
    pub fn find_or_insert(&mut self, key: &[u8]) -> u32 {
        let hash = key_hash(key);
        let KeyTable { slots, bytes, ends } = self;
        let is_key =
            |slot: &Slot| slot.hash == hash && key_of(bytes, ends, slot.index as usize) == key;
        if let Some(slot) = slots.find(hash, is_key) {
            return slot.index;
        }
        let index = u32::try_from(ends.len()).expect("a slice has less than 2^32 keys");
        slots.insert_unique(hash, Slot { hash, index }, |slot| slot.hash);
        bytes.extend_from_slice(key);
        ends.push(bytes.len());
        index
    }
}

fn key_of<'a>(bytes: &'a [u8], ends: &[usize], slot: usize) -> &'a [u8] {
    let start = if slot == 0 { 0 } else { ends[slot - 1] };
    &bytes[start..ends[slot]]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn agrees_with_a_map() {
        let mut table = KeyTable::default();
        let mut model: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        for i in 0..5_000_u64 {
            let key = argus_base::env::splitmix64(i % 1_700).to_le_bytes()[..3].to_vec();
            let next = u32::try_from(model.len()).unwrap();
            let expected = *model.entry(key.clone()).or_insert(next);
            assert_eq!(table.find_or_insert(&key), expected);
            assert_eq!(table.key(expected as usize), key);
        }
        assert_eq!(table.len(), model.len());
    }
}
