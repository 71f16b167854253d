//! A set of keys with a dense slot number each: hash → slot, in order of first appearance.

use argus_base::key_group::{key_group, key_hash};
use arrow_array::BinaryArray;
use arrow_buffer::{OffsetBuffer, ScalarBuffer};

/// Finds the slot of a key. Slots are 0, 1, 2 … and live as long as the table.
///
/// Each key has an entry in a table of a power of two, at the place of its hash or, where that is
/// taken, at the next free one behind. In a large table every look is a wait for memory, so many
/// keys are looked for side by side.
#[derive(Debug, Default)]
pub struct KeyTable {
    entries: Vec<Entry>,
    /// All keys one after the other.
    bytes: Vec<u8>,
    ends: Ends,
}

/// The lower half of the hash is enough to find a slot again and to tell most keys apart; the
/// upper half decides the key group, so within a subtask it says less.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    /// [`FREE`] where there is no key.
    slot: u32,
}

const FREE: u32 = u32::MAX;
const FREE_ENTRY: Entry = Entry { hash: 0, slot: FREE };

/// Entries of the smallest table.
const MIN_ENTRIES: usize = 16;
/// Keys that are looked for side by side.
const BLOCK: usize = 32;

/// Where keys end.
#[derive(Debug)]
enum Ends {
    /// All are as long as each other.
    Equal { width: usize, n_keys: usize },
    /// Each ends at its place.
    Each(Vec<usize>),
}

impl Default for Ends {
    fn default() -> Ends {
        Ends::Equal { width: 0, n_keys: 0 }
    }
}

impl Ends {
    #[inline]
    fn len(&self) -> usize {
        match self {
            Ends::Equal { n_keys, .. } => *n_keys,
            Ends::Each(ends) => ends.len(),
        }
    }

    #[inline]
    fn key<'a>(&self, bytes: &'a [u8], slot: usize) -> &'a [u8] {
        match self {
            Ends::Equal { width, .. } => &bytes[slot * width..(slot + 1) * width],
            Ends::Each(ends) => {
                let start = if slot == 0 { 0 } else { ends[slot - 1] };
                &bytes[start..ends[slot]]
            }
        }
    }

    fn push(&mut self, length: usize) {
        match self {
            Ends::Equal { width, n_keys } => {
                if *n_keys == 0 {
                    *width = length;
                }
                if *width == length {
                    *n_keys += 1;
                    return;
                }
                let mut ends: Vec<usize> = (1..=*n_keys).map(|n| n * *width).collect();
                ends.push(*n_keys * *width + length);
                *self = Ends::Each(ends);
            }
            Ends::Each(ends) => ends.push(ends.last().copied().unwrap_or(0) + length),
        }
    }

    fn n_bytes(&self) -> usize {
        match self {
            Ends::Equal { .. } => 0,
            Ends::Each(ends) => size_of_val(ends.as_slice()),
        }
    }
}

/// All slots of a table in order of their key groups.
#[derive(Debug, Default)]
pub struct GroupedSlots {
    slots: Vec<u32>,
    /// Where the slots of each group end.
    ends: Vec<u32>,
}

impl GroupedSlots {
    /// All of them.
    pub fn all(&self) -> &[u32] {
        &self.slots
    }

    /// From the first to the last group that has slots.
    pub fn groups(&self) -> std::ops::Range<u16> {
        let has_none = |end: &&u32| **end == 0;
        let is_open = |end: &&u32| (**end as usize) < self.slots.len();
        let number = |n: usize| u16::try_from(n).expect("key groups are 16-bit");
        let start = number(self.ends.iter().take_while(has_none).count());
        let end = number(self.ends.iter().take_while(is_open).count() + 1);
        if self.slots.is_empty() { 0..0 } else { start..end }
    }

    /// Those of some groups.
    pub fn of(&self, groups: std::ops::Range<u16>) -> &[u32] {
        let end = |n_groups: u16| match n_groups {
            0 => 0,
            n => self.ends[usize::from(n) - 1] as usize,
        };
        &self.slots[end(groups.start)..end(groups.end)]
    }
}

impl KeyTable {
    /// Number of keys.
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of a slot, which must be below `len`.
    #[inline]
    pub fn key(&self, slot: usize) -> &[u8] {
        self.ends.key(&self.bytes, slot)
    }

    /// Makes room for more keys at once.
    pub fn reserve(&mut self, n_more: usize) {
        self.make_room(self.len() + n_more);
        if let Ends::Each(ends) = &mut self.ends {
            ends.reserve(n_more);
        }
    }

    /// Bytes held, about.
    pub fn n_bytes(&self) -> usize {
        size_of_val(self.entries.as_slice()) + self.bytes.len() + self.ends.n_bytes()
    }

    /// Bytes that as many more keys take for a moment, besides the keys themselves: a table that
    /// grows is there twice while it moves.
    pub fn n_bytes_to_grow(&self, n_more: usize) -> usize {
        let has_room = has_room(self.entries.len(), self.len() + n_more);
        if has_room { 0 } else { 2 * size_of_val(self.entries.as_slice()) }
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

    /// All slots in order of their key groups; within a group in their own.
    pub fn grouped(&self, max_parallelism: u16) -> GroupedSlots {
        let group = |slot: u32| key_group(key_hash(self.key(slot as usize)), max_parallelism).0;
        let n_keys = u32::try_from(self.len()).expect("a slice has less than 2^32 keys");
        let groups: Vec<u16> = (0..n_keys).map(group).collect();
        let mut ends = vec![0_u32; usize::from(max_parallelism)];
        groups.iter().for_each(|group| ends[usize::from(*group)] += 1);
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut slots = vec![0; groups.len()];
        for (slot, group) in (0..n_keys).zip(&groups) {
            let end = &mut ends[usize::from(*group)];
            slots[*end as usize] = slot;
            *end += 1;
        }
        GroupedSlots { slots, ends }
    }

    /// Puts the slot of each key into `slots`, whose former content is dropped; new keys get new
    /// slots, in their order.
    pub fn find_or_insert_all<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k [u8]>,
        slots: &mut Vec<u32>,
    ) {
        slots.clear();
        let mut keys = keys.into_iter();
        loop {
            let mut block = [&[][..]; BLOCK];
            let mut n_keys = 0;
            for (place, key) in block.iter_mut().zip(&mut keys) {
                *place = key;
                n_keys += 1;
            }
            if n_keys == 0 {
                return;
            }
            self.find_or_insert_block(&block, n_keys, slots);
        }
    }

    /// No look at the memory waits for the one before: first all entries, then all their keys, and
    /// then, one by one, what was not where it is looked for first.
    fn find_or_insert_block(&mut self, keys: &[&[u8]; BLOCK], n_keys: usize, slots: &mut Vec<u32>) {
        self.make_room(1);
        let (mut hashes, mut guesses) = ([0; BLOCK], [FREE_ENTRY; BLOCK]);
        let mut is_found = [false; BLOCK];
        for index in 0..n_keys {
            hashes[index] = lower_hash(keys[index]);
            guesses[index] = self.entries[self.place(hashes[index])];
        }
        for index in 0..n_keys {
            is_found[index] = self.has_key(guesses[index], hashes[index], keys[index]);
        }
        for index in 0..n_keys {
            slots.push(match is_found[index] {
                true => guesses[index].slot,
                false => self.find_or_insert_hashed(keys[index], hashes[index]),
            });
        }
    }

    /// The slot of a key, a new one where it is new.
    pub fn find_or_insert(&mut self, key: &[u8]) -> u32 {
        self.make_room(1);
        self.find_or_insert_hashed(key, lower_hash(key))
    }

    fn find_or_insert_hashed(&mut self, key: &[u8], hash: u32) -> u32 {
        let mut place = self.place(hash);
        while self.entries[place].slot != FREE {
            if self.has_key(self.entries[place], hash, key) {
                return self.entries[place].slot;
            }
            place = (place + 1) & (self.entries.len() - 1);
        }
        let slot = u32::try_from(self.len()).expect("a slice has less than 2^32 keys");
        if has_room(self.entries.len(), self.len() + 1) {
            self.entries[place] = Entry { hash, slot };
        } else {
            self.make_room(self.len() + 1);
            insert(&mut self.entries, Entry { hash, slot });
        }
        self.bytes.extend_from_slice(key);
        self.ends.push(key.len());
        slot
    }

    /// Where an entry of that hash is looked for first.
    #[inline]
    fn place(&self, hash: u32) -> usize {
        hash as usize & (self.entries.len() - 1)
    }

    #[inline]
    fn has_key(&self, entry: Entry, hash: u32, key: &[u8]) -> bool {
        entry.hash == hash && entry.slot != FREE && self.key(entry.slot as usize) == key
    }

    /// Makes the table large enough for so many keys.
    fn make_room(&mut self, n_keys: usize) {
        let mut n_entries = self.entries.len().max(MIN_ENTRIES);
        while !has_room(n_entries, n_keys) {
            n_entries *= 2;
        }
        if n_entries == self.entries.len() {
            return;
        }
        let mut entries = vec![FREE_ENTRY; n_entries];
        self.entries.iter().filter(|e| e.slot != FREE).for_each(|e| insert(&mut entries, *e));
        self.entries = entries;
    }
}

/// At most three of four entries are taken.
#[inline]
fn has_room(n_entries: usize, n_keys: usize) -> bool {
    n_keys <= n_entries / 4 * 3
}

/// Adds an entry that is not there.
fn insert(entries: &mut [Entry], entry: Entry) {
    let mask = entries.len() - 1;
    let mut place = entry.hash as usize & mask;
    while entries[place].slot != FREE {
        place = (place + 1) & mask;
    }
    entries[place] = entry;
}

#[inline]
fn lower_hash(key: &[u8]) -> u32 {
    // See `Entry`.
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let hash = key_hash(key) as u32;
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(key_of: impl Fn(u64) -> Vec<u8>) {
        let mut table = KeyTable::default();
        let mut model: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        for i in 0..5_000_u64 {
            let key = key_of(argus_base::env::splitmix64(i % 1_700));
            let next = u32::try_from(model.len()).unwrap();
            let expected = *model.entry(key.clone()).or_insert(next);
            assert_eq!(table.find_or_insert(&key), expected);
            assert_eq!(table.key(expected as usize), key);
        }
        assert_eq!(table.len(), model.len());
        for (key, slot) in model {
            assert_eq!(table.key(slot as usize), key);
            assert_eq!(table.keys(&[slot]).value(0), key);
        }
    }

    #[test]
    fn agrees_with_a_map() {
        check(|random| random.to_le_bytes()[..3].to_vec());
        // Keys of one length, then some of others.
        check(|random| random.to_le_bytes()[..if random % 100 == 0 { 5 } else { 8 }].to_vec());
        check(|random| random.to_le_bytes()[..usize::try_from(random % 8).unwrap()].to_vec());
    }

    #[test]
    fn keys_side_by_side_get_the_same_slots() {
        let keys: Vec<[u8; 8]> =
            (0..10_000).map(|i| (argus_base::env::splitmix64(i) % 700).to_le_bytes()).collect();
        let (mut alone, mut together) = (KeyTable::default(), KeyTable::default());
        let mut slots = Vec::new();
        for some in keys.chunks(77) {
            let expected: Vec<u32> = some.iter().map(|key| alone.find_or_insert(key)).collect();
            together.find_or_insert_all(some.iter().map(|key| &key[..]), &mut slots);
            assert_eq!(slots, expected);
        }
        assert_eq!(together.len(), alone.len());
        together.find_or_insert_all([], &mut slots);
        assert_eq!(slots, [0_u32; 0]);
    }

    #[test]
    fn room_is_made_ahead() {
        let mut table = KeyTable::default();
        table.find_or_insert(b"a");
        table.reserve(1_000);
        let n_bytes = table.n_bytes();
        assert_eq!((table.n_bytes_to_grow(1_000), table.find_or_insert(b"a")), (0, 0));
        for key in 0..1_000_u64 {
            table.find_or_insert(&key.to_le_bytes());
        }
        assert!(table.n_bytes() < n_bytes + 1_001 * 17, "the table itself has not grown");
    }

    #[test]
    fn slots_are_grouped_by_key_group() {
        let mut table = KeyTable::default();
        (0..1_000_u64).for_each(|key| {
            table.find_or_insert(&key.to_le_bytes());
        });
        let grouped = table.grouped(7);
        assert_eq!(grouped.of(0..7), grouped.all());
        assert_eq!(grouped.groups(), 0..7);
        assert_eq!(KeyTable::default().grouped(7).groups(), 0..0);
        let mut n_slots = 0;
        for group in 0..7 {
            let slots = grouped.of(group..group + 1);
            assert!(slots.is_sorted());
            let of_key = |slot: &u32| key_group(key_hash(table.key(*slot as usize)), 7).0;
            assert!(slots.iter().all(|slot| of_key(slot) == group));
            n_slots += slots.len();
        }
        assert_eq!(n_slots, 1_000);
    }
}
