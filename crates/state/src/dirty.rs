//! Which slots changed since the last seal: one bit a slot.

use crate::snapshot::CHAIN_LENGTH;

/// Slots of one slice that changed.
#[derive(Debug, Default)]
pub struct DirtySlots {
    words: Vec<u64>,
}

/// Each seal takes the same bit of every word besides the dirty ones, so a chain is as long as a
/// word has bits.
const _: () = assert!(CHAIN_LENGTH == u64::BITS as u64);

impl DirtySlots {
    /// Slots of a table of `n_slots` keys changed.
    pub fn mark(&mut self, slots: &[u32], n_slots: usize) {
        self.make_room(n_slots);
        for slot in slots {
            self.words[(slot / u64::BITS) as usize] |= 1 << (slot % u64::BITS);
        }
    }

    /// All slots of a table of `n_slots` keys changed.
    pub fn mark_all(&mut self, n_slots: usize) {
        self.words.clear();
        self.words.resize(n_slots.div_ceil(64), u64::MAX);
    }

    /// The slots that changed since the last call, and those whose turn it is: every slot's turn
    /// comes once in [`CHAIN_LENGTH`] seals. Ascending. Costs what it returns and a look at a bit
    /// per slot of the table, which has `n_slots` keys.
    pub fn take(&mut self, n_seal: u64, n_slots: usize) -> Vec<u32> {
        self.make_room(n_slots);
        let turn = 1 << (n_seal % CHAIN_LENGTH);
        let mut slots = Vec::new();
        for (first, word) in (0_u32..).step_by(64).zip(&mut self.words) {
            let mut rest = std::mem::take(word) | turn;
            while rest != 0 {
                slots.push(first + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
        while slots.last().is_some_and(|slot| *slot as usize >= n_slots) {
            slots.pop();
        }
        slots
    }

    /// Bytes held.
    pub fn n_bytes(&self) -> usize {
        size_of_val(self.words.as_slice())
    }

    fn make_room(&mut self, n_slots: usize) {
        let n_words = n_slots.div_ceil(64);
        if self.words.len() < n_words {
            self.words.resize(n_words, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_slot_has_its_turn_and_dirty_ones_come_at_once() {
        let mut dirty = DirtySlots::default();
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        for n_seal in 0..CHAIN_LENGTH {
            dirty.mark(&[7, 199], 200);
            let slots = dirty.take(n_seal, 200);
            assert!(slots.is_sorted());
            assert!(slots.contains(&7) && slots.contains(&199));
            assert!(slots.len() <= 6);
            seen.extend(slots);
        }
        assert_eq!(seen, (0..200).collect());
    }

    #[test]
    fn all_slots_are_dirty_when_all_are_marked() {
        let mut dirty = DirtySlots::default();
        dirty.mark_all(70);
        assert_eq!(dirty.take(0, 70), (0..70).collect::<Vec<u32>>());
        assert_eq!(dirty.take(1, 70), [1, 65]);
    }
}
