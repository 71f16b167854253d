//! Key groups: the unit in which keyed state is spread over subtasks and moved when they change.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

/// Number of key groups where `pipeline.max-parallelism` does not say otherwise.
pub const DEFAULT_MAX_PARALLELISM: u16 = 128;

/// One of the `max_parallelism` groups that keys are hashed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyGroup(pub u16);

/// The stable hash of an encoded key. It decides where state lives: it must never change.
pub fn key_hash(encoded_key: &[u8]) -> u64 {
    xxh3_64(encoded_key)
}

/// The group of a key hash.
pub fn key_group(hash: u64, max_parallelism: u16) -> KeyGroup {
    // Multiply-shift over the upper half: even for any number of groups, and cheap.
    let spread = ((hash >> 32) * u64::from(max_parallelism)) >> 32;
    KeyGroup(u16::try_from(spread).expect("below max_parallelism, which is a u16"))
}

/// The groups that subtask `index` of `parallelism` owns; together the ranges cover all groups
/// once.
pub fn key_group_range(index: usize, parallelism: usize, max_parallelism: u16) -> Range<u16> {
    let edge = |i: usize| {
        let group = (i * usize::from(max_parallelism)).div_ceil(parallelism);
        u16::try_from(group).expect("at most max_parallelism")
    };
    edge(index)..edge(index + 1)
}

/// The subtask that owns a group.
pub fn subtask_of(group: KeyGroup, parallelism: usize, max_parallelism: u16) -> usize {
    usize::from(group.0) * parallelism / usize::from(max_parallelism)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_the_owner_whose_range_holds_it() {
        for parallelism in 1..=DEFAULT_MAX_PARALLELISM as usize {
            for group in 0..DEFAULT_MAX_PARALLELISM {
                let owner = subtask_of(KeyGroup(group), parallelism, DEFAULT_MAX_PARALLELISM);
                let range = key_group_range(owner, parallelism, DEFAULT_MAX_PARALLELISM);
                assert!(range.contains(&group), "group {group} of {parallelism}: {range:?}");
            }
        }
    }

    #[test]
    fn the_hash_is_pinned() {
        assert_eq!(key_hash(b"US-California"), xxh3_64(b"US-California"));
        assert_eq!(key_hash(b""), 0x2d06_8005_38d3_94c2);
    }
}
