//! Chains: which sections a restore of a subtask's keyed state needs.
//!
//! Each seal writes what is dirty and, with each of its turns, 1/64 of the rest. So the last seals
//! that have [`N_TURNS`] together hold every living key, and older sections leave the chain. What
//! was restored stays until as many turns were taken in this life.

use std::collections::{BTreeMap, VecDeque};

use argus_state::manifest::{KeyedState, SectionRef};
use argus_state::snapshot::N_TURNS;

use super::PartId;

/// The chains of all subtasks.
#[derive(Default)]
pub(crate) struct Chains {
    chains: BTreeMap<PartId, Chain>,
}

#[derive(Default)]
struct Chain {
    /// Sections of a former life.
    restored: Vec<SectionRef>,
    /// Sections of this life with the number of the seal that wrote each.
    sealed: VecDeque<(u64, SectionRef)>,
    /// Turns of the last seals, those that are needed.
    turns: VecDeque<u64>,
    /// Seals in this life.
    n_seals: u64,
}

impl Chains {
    /// Goes on with the chain of a former life.
    pub(crate) fn restore(&mut self, part: PartId, sections: Vec<SectionRef>) {
        self.chains.entry(part).or_default().restored.extend(sections);
    }

    /// A seal of so many turns was made.
    pub(crate) fn seal(&mut self, part: PartId, n_turns: u64) {
        let chain = self.chains.entry(part).or_default();
        chain.n_seals += 1;
        chain.turns.push_back(n_turns);
        let mut n_known: u64 = chain.turns.iter().sum();
        if n_known >= N_TURNS {
            chain.restored.clear();
        }
        while let Some(first) = chain.turns.front().filter(|first| n_known - **first >= N_TURNS) {
            n_known -= first;
            chain.turns.pop_front();
        }
        let oldest = chain.n_seals + 1 - chain.turns.len() as u64;
        while chain.sealed.front().is_some_and(|(seal, _)| *seal < oldest) {
            chain.sealed.pop_front();
        }
    }

    /// A section of the last seal has reached the store.
    pub(crate) fn push(&mut self, part: PartId, seal: u64, section: SectionRef) {
        self.chains.entry(part).or_default().sealed.push_back((seal, section));
    }

    /// Number of the last seal of a part.
    pub(crate) fn last_seal(&self, part: PartId) -> u64 {
        self.chains.get(&part).map_or(0, |chain| chain.n_seals)
    }

    /// Puts the chain of a part into its state, oldest section first.
    pub(crate) fn describe(&self, part: PartId, keyed: &mut KeyedState) {
        let Some(chain) = self.chains.get(&part) else { return };
        let sealed = chain.sealed.iter().map(|(_, section)| section);
        keyed.chain = chain.restored.iter().chain(sealed).cloned().collect();
    }
}

/// Chains of several parts as one, each section once. Older sections stay before newer ones: a key
/// may have been written in a life in which other subtasks owned the same sections.
pub(crate) fn merged(chains: &[&[SectionRef]]) -> Vec<SectionRef> {
    let name = |section: &SectionRef| (section.segment.path.clone(), section.section);
    // In how many chains a section is behind another.
    let mut n_behind: BTreeMap<_, usize> = BTreeMap::new();
    for section in chains.iter().flat_map(|chain| chain.iter().skip(1)) {
        *n_behind.entry(name(section)).or_default() += 1;
    }
    let mut rest = chains.to_vec();
    let mut merged = Vec::new();
    loop {
        // Chains agree about the order, so the oldest of all is behind no other.
        let is_oldest = |head: &&SectionRef| n_behind.get(&name(head)).is_none_or(|n| *n == 0);
        let mut heads = rest.iter().filter_map(|chain| chain.first());
        let oldest = heads.clone().find(is_oldest).or_else(|| heads.next()).cloned();
        let Some(oldest) = oldest else { return merged };
        for chain in rest.iter_mut().filter(|chain| chain.first() == Some(&oldest)) {
            *chain = &chain[1..];
            if let Some(n) = chain.first().and_then(|head| n_behind.get_mut(&name(head))) {
                *n -= 1;
            }
        }
        merged.push(oldest);
    }
}

#[cfg(test)]
mod tests {
    use argus_base::id::{OperatorId, SubtaskIndex};
    use argus_state::segment::SegmentRef;

    use super::*;

    const PART: PartId = PartId { operator: OperatorId(1), subtask: SubtaskIndex(0) };

    fn section(number: u64) -> SectionRef {
        let segment = SegmentRef { path: number.to_string(), n_bytes: 0, checksum: 0 };
        SectionRef { segment, section: PART }
    }

    fn paths(chains: &Chains) -> Vec<String> {
        let mut keyed = KeyedState::default();
        chains.describe(PART, &mut keyed);
        keyed.chain.into_iter().map(|section| section.segment.path).collect()
    }

    #[test]
    fn a_chain_holds_the_last_seals_and_what_was_restored_as_long() {
        let mut chains = Chains::default();
        chains.restore(PART, vec![section(1000)]);
        for seal in 1..=N_TURNS + 10 {
            chains.seal(PART, 1);
            chains.push(PART, seal, section(seal));
            let has_restored = paths(&chains).first().is_some_and(|path| path == "1000");
            assert_eq!(has_restored, seal < N_TURNS, "seal {seal}");
        }
        let paths_now = paths(&chains);
        assert_eq!(paths_now.len() as u64, N_TURNS);
        assert_eq!(paths_now[0], "11");
        // Of 32 turns each: with the second all that came before is dispensable.
        for (seal, n_left) in [(N_TURNS + 11, 33), (N_TURNS + 12, 2), (N_TURNS + 13, 2)] {
            chains.seal(PART, N_TURNS / 2);
            chains.push(PART, seal, section(seal));
            assert_eq!(paths(&chains).len(), n_left, "seal {seal}");
        }
        chains.seal(PART, N_TURNS);
        assert_eq!(paths(&chains), Vec::<String>::new());
    }

    #[test]
    fn chains_of_several_parts_keep_the_order_of_time() {
        let chain = |numbers: &[u64]| numbers.iter().copied().map(section).collect::<Vec<_>>();
        let check = |chains: &[&[u64]], expected: &[u64]| {
            let chains: Vec<Vec<SectionRef>> = chains.iter().map(|n| chain(n)).collect();
            let chains: Vec<&[SectionRef]> = chains.iter().map(Vec::as_slice).collect();
            assert_eq!(merged(&chains), chain(expected));
        };
        check(&[&[1, 2], &[1, 3]], &[1, 2, 3]);
        check(&[&[3, 5], &[1, 3, 4, 5], &[2, 3]], &[1, 2, 3, 4, 5]);
        check(&[&[], &[7]], &[7]);
        check(&[], &[]);
    }
}
