//! Values of any length: at most one a group.

use super::Slots;

/// Bytes that an allocation takes besides its content, about.
const ALLOCATION_BYTES: usize = 8;

#[derive(Default)]
pub(super) struct Kept {
    values: Vec<Option<Box<[u8]>>>,
    /// Bytes of the values, which lie outside the column.
    n_value_bytes: usize,
}

impl Kept {
    /// Makes room for `n_groups` groups; new ones keep nothing.
    pub fn resize(&mut self, n_groups: usize) {
        self.values.resize(n_groups.max(self.values.len()), None);
    }

    /// What a group keeps.
    #[inline]
    pub fn get(&self, group: usize) -> Option<&[u8]> {
        self.values[group].as_deref()
    }

    /// Lets a group keep another value.
    pub fn set(&mut self, group: usize, value: &[u8]) {
        let kept = &mut self.values[group];
        self.n_value_bytes -= kept.as_deref().map_or(0, allocated);
        self.n_value_bytes += allocated(value);
        *kept = Some(value.into());
    }

    /// Lets those groups keep nothing.
    pub fn clear(&mut self, groups: &[u32]) {
        for group in groups {
            let kept = self.values[*group as usize].take();
            self.n_value_bytes -= kept.as_deref().map_or(0, allocated);
        }
    }

    /// What those groups keep.
    pub fn of(&self, slots: &Slots<'_>) -> Vec<Option<&[u8]>> {
        slots.map(&self.values, Option::as_deref)
    }

    /// Bytes held.
    pub fn n_bytes(&self) -> usize {
        size_of_val(self.values.as_slice()) + self.n_value_bytes
    }
}

fn allocated(value: &[u8]) -> usize {
    value.len() + ALLOCATION_BYTES
}
