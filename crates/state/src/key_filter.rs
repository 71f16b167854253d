//! Which keys a run may have: a Bloom filter, so that most keys that it does not have are not
//! looked for on disk.
//!
//! All bits of a key lie in one line of the cache, so a question waits for memory once.

/// Words of a line: 64 bytes.
const LINE_WORDS: usize = 8;
/// Bits set for each key.
const N_BITS: u32 = 6;
/// Bits of the filter for each key: one in a hundred other keys seems to be there.
const BITS_PER_KEY: usize = 10;
/// Spreads what is left of a hash over the bits of a line.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A set of key hashes that may say yes wrongly, but never no.
#[derive(Debug)]
pub(crate) struct KeyFilter {
    lines: Vec<[u64; LINE_WORDS]>,
}

impl KeyFilter {
    /// An empty set with room for as many keys.
    pub fn new(n_keys: usize) -> KeyFilter {
        let n_lines = (n_keys * BITS_PER_KEY).div_ceil(LINE_WORDS * 64).max(1);
        KeyFilter { lines: vec![[0; LINE_WORDS]; n_lines] }
    }

    /// Adds the key of a hash.
    pub fn insert(&mut self, hash: u64) {
        let line = self.line(hash);
        for (word, bit) in bits(hash) {
            self.lines[line][word] |= bit;
        }
    }

    /// Whether the key of a hash may be there.
    pub fn may_have(&self, hash: u64) -> bool {
        let line = &self.lines[self.line(hash)];
        bits(hash).all(|(word, bit)| line[word] & bit != 0)
    }

    /// Bytes held.
    pub fn n_bytes(&self) -> usize {
        size_of_val(self.lines.as_slice())
    }

    /// By the lower half of the hash: the upper decides the key group, of which a subtask has few.
    fn line(&self, hash: u64) -> usize {
        let lower = hash & u64::from(u32::MAX);
        let line = (u128::from(lower) * self.lines.len() as u128) >> 32;
        usize::try_from(line).expect("below the number of lines")
    }
}

/// The bits of a hash: word and bit, each chosen by nine bits of a second hash.
fn bits(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    let spread = hash.wrapping_mul(SPREAD);
    let spread = spread ^ (spread >> 32);
    (0..N_BITS).map(move |n| {
        let place = (spread >> (9 * n)) & 511;
        (usize::try_from(place / 64).expect("below 8"), 1 << (place % 64))
    })
}

#[cfg(test)]
mod tests {
    use argus_base::env::splitmix64;

    use super::*;

    #[test]
    fn what_was_added_is_there_and_little_else() {
        // Also where all hashes share their upper bits, as those of one subtask do.
        for upper in [0, 0xabc0_0000_0000_0000] {
            let hash = |n: u64| (splitmix64(n) & (u64::MAX >> 12)) | upper;
            let mut filter = KeyFilter::new(100_000);
            (0..100_000).for_each(|n| filter.insert(hash(n)));
            assert!((0..100_000).all(|n| filter.may_have(hash(n))));
            let n_wrong = (100_000..200_000).filter(|n| filter.may_have(hash(*n))).count();
            assert!((300..2_500).contains(&n_wrong), "{n_wrong} of 100,000");
            assert!(filter.n_bytes() < 130_000);
        }
        assert!(!KeyFilter::new(0).may_have(7));
    }
}
