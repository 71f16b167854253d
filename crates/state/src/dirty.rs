//! Which slots changed since the last seal: one bit a slot.

use crate::snapshot::N_TURNS;

/// Slots of one slice that changed.
#[derive(Debug, Default)]
pub struct DirtySlots {
    words: Vec<u64>,
}

/// In each turn the same bit of every word is taken, so there are as many as a word has bits.
const _: () = assert!(N_TURNS == u64::BITS as u64);

/// Goes through the slots of a table besides those that are dirty, so that what was sealed long
/// ago is no longer needed.
#[derive(Debug, Default)]
pub struct Rotation {
    next_turn: u64,
}

/// The turns of one seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// How many.
    pub n: u64,
    bits: u64,
}

impl Rotation {
    /// The turns of a seal that finds so many slots dirty. Half as many of the rest are taken: so
    /// the seals that hold every slot have about three rows a slot together, however many change,
    /// and at most [`N_TURNS`] of them are needed.
    pub fn advance(&mut self, n_dirty: u64, n_slots: u64) -> Turns {
        let n = (N_TURNS / 2 * n_dirty).div_ceil(n_slots.max(1)).clamp(1, N_TURNS);
        let first = u32::try_from(self.next_turn % N_TURNS).expect("below 64");
        self.next_turn += n;
        Turns { n, bits: (u64::MAX >> (N_TURNS - n)).rotate_left(first) }
    }

    /// All turns at once: nothing that was sealed before is needed.
    pub fn all(&self) -> Turns {
        Turns { n: N_TURNS, bits: u64::MAX }
    }
}

impl DirtySlots {
    /// Slots of a table of `n_slots` keys changed.
    pub fn mark(&mut self, slots: &[u32], n_slots: usize) {
        self.make_room(n_slots);
        for slot in slots {
            self.words[(slot / u64::BITS) as usize] |= 1 << (slot % u64::BITS);
        }
    }

    /// Number of slots that changed since the last seal.
    pub fn n_dirty(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The slots that changed since the last call, and those whose turn it is. Ascending. Costs
    /// what it returns and a look at a bit per slot of the table, which has `n_slots` keys.
    pub fn take(&mut self, turns: Turns, n_slots: usize) -> Vec<u32> {
        self.make_room(n_slots);
        let mut slots = Vec::new();
        for (first, word) in (0_u32..).step_by(64).zip(&mut self.words) {
            let mut rest = std::mem::take(word) | turns.bits;
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
        let (mut dirty, mut rotation) = (DirtySlots::default(), Rotation::default());
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        let (mut n_turns, mut n_taken) = (0, 0);
        while n_turns < N_TURNS {
            dirty.mark(&[7, 199], 200);
            assert_eq!(dirty.n_dirty(), 2);
            let turns = rotation.advance(2, 200);
            let slots = dirty.take(turns, 200);
            assert!(slots.is_sorted());
            assert!(slots.contains(&7) && slots.contains(&199));
            assert!(slots.len() <= 6);
            (n_turns, n_taken) = (n_turns + turns.n, n_taken + slots.len());
            seen.extend(slots);
        }
        assert_eq!(seen, (0..200).collect());
        assert!(n_taken < 3 * 200, "{n_taken} rows");
    }

    #[test]
    fn the_more_is_dirty_the_sooner_all_have_had_their_turn() {
        for (n_dirty, n_seals) in [(0, 64), (10, 16), (50, 4), (100, 2)] {
            let (mut dirty, mut rotation) = (DirtySlots::default(), Rotation::default());
            let taken: Vec<u32> = (0..n_seals)
                .flat_map(|_| dirty.take(rotation.advance(n_dirty, 100), 100))
                .collect();
            assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), (0..100).collect());
            let turns = rotation.advance(n_dirty, 100);
            assert_eq!(turns.n, N_TURNS / n_seals, "{n_dirty} % dirty");
        }
    }

    #[test]
    fn all_turns_take_all_slots() {
        let mut dirty = DirtySlots::default();
        let turns = Rotation::default().all();
        assert_eq!(dirty.take(turns, 70), (0..70).collect::<Vec<u32>>());
        assert_eq!(Rotation::default().advance(0, 0).n, 1);
    }
}
