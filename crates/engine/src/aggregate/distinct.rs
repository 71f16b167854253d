//! DISTINCT: lets each value of a group through once.

use std::slice;
use std::sync::Arc;

use argus_base::Result;
use argus_state::key_codec::EncodedKeys;
use argus_state::{KeyCodec, SlotTable};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_buffer::{BooleanBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef};

use super::{Accumulator, Rows, Slots};

/// Bytes of the group in front of each value in `seen`.
const GROUP_BYTES: usize = 4;

/// Stands in `last` and `before` where there is no entry.
const NONE: u32 = u32::MAX;

pub(super) struct Distinct {
    inner: Box<dyn Accumulator>,
    element: FieldRef,
    codec: KeyCodec,
    /// Group, then value: one entry for each value a group has seen.
    seen: SlotTable,
    /// By group: its newest entry.
    last: Vec<u32>,
    /// By entry: the one of the same group that came before it. So a few groups are read without
    /// looking at all others.
    before: Vec<u32>,
    encoded: EncodedKeys,
}

impl Distinct {
    pub(super) fn new(inner: Box<dyn Accumulator>, data_type: DataType) -> Distinct {
        let element = Arc::new(Field::new("element", data_type.clone(), true));
        let codec = KeyCodec::new(vec![data_type]);
        let (seen, encoded) = (SlotTable::default(), EncodedKeys::default());
        let (last, before) = (Vec::new(), Vec::new());
        Distinct { inner, element, codec, seen, last, before, encoded }
    }

    /// Adds the entries of a group, the oldest first, and returns how many.
    fn entries(&self, group: usize, entries: &mut Vec<u32>) -> usize {
        let n_before = entries.len();
        let mut next = self.last[group];
        while next != NONE {
            entries.push(next);
            next = self.before[next as usize];
        }
        entries[n_before..].reverse();
        entries.len() - n_before
    }
}

impl Accumulator for Distinct {
    fn resize(&mut self, n_groups: usize) {
        self.inner.resize(n_groups);
        self.last.resize(n_groups.max(self.last.len()), NONE);
    }

    fn clear(&mut self, groups: &[u32]) {
        let mut entries = Vec::new();
        for group in groups {
            self.entries(*group as usize, &mut entries);
            self.last[*group as usize] = NONE;
        }
        entries.into_iter().for_each(|entry| self.seen.remove(entry));
        self.inner.clear(groups);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let argument = rows.argument();
        self.codec.encode(slice::from_ref(argument), groups.len(), &mut self.encoded);
        let mut first_seen = BooleanBufferBuilder::new(groups.len());
        first_seen.append_n(groups.len(), false);
        let mut entry = Vec::new();
        rows.for_each(groups, |row, group| {
            entry.clear();
            entry.extend_from_slice(&groups[row].to_le_bytes());
            entry.extend_from_slice(self.encoded.key(row));
            let (slot, is_new) = self.seen.find_or_insert(&entry);
            if is_new {
                self.before.resize(self.seen.n_slots(), NONE);
                self.before[slot as usize] = self.last[group];
                self.last[group] = slot;
            }
            first_seen.set_bit(row, is_new);
        });
        let selected = Some(first_seen.finish());
        self.inner.update(groups, &Rows { argument: Some(argument), selected })
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![DataType::List(self.element.clone())]
    }

    fn partial(&self, slots: &Slots<'_>) -> Result<Vec<ArrayRef>> {
        let mut entries = Vec::new();
        let lengths: Vec<usize> = match slots {
            Slots::Range(range) => {
                range.clone().map(|group| self.entries(group, &mut entries)).collect()
            }
            Slots::List(slots) => {
                slots.iter().map(|group| self.entries(*group as usize, &mut entries)).collect()
            }
        };
        let offsets = OffsetBuffer::from_lengths(lengths);
        let values = entries.iter().map(|slot| &self.seen.key(*slot)[GROUP_BYTES..]);
        let values = self.codec.decode(values)?.swap_remove(0);
        Ok(vec![Arc::new(ListArray::try_new(self.element.clone(), offsets, values, None)?)])
    }

    fn merge(&mut self, groups: &[u32], partial: &[ArrayRef]) -> Result<()> {
        let lists = partial[0].as_list::<i32>();
        let offsets = lists.value_offsets();
        let mut group_of_value = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            let length = usize::try_from(offsets[row + 1] - offsets[row]).unwrap_or(0);
            group_of_value.extend(std::iter::repeat_n(*group, length));
        }
        let start = usize::try_from(offsets[0]).unwrap_or(0);
        let values = lists.values().slice(start, group_of_value.len());
        self.update(&group_of_value, &Rows::new(Some(&values), None))
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        self.inner.read(slots)
    }

    fn n_bytes(&self) -> usize {
        let lists = size_of_val(self.last.as_slice()) + size_of_val(self.before.as_slice());
        self.inner.n_bytes() + self.seen.n_bytes() + lists
    }
}
