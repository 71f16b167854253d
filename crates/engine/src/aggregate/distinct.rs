//! DISTINCT: lets each value of a group through once.

use std::ops::Range;
use std::slice;
use std::sync::Arc;

use argus_base::Result;
use argus_state::key_codec::EncodedKeys;
use argus_state::{KeyCodec, KeyTable};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_buffer::{BooleanBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef};

use super::{Accumulator, Rows};

/// Bytes of the group in front of each value in `seen`.
const GROUP_BYTES: usize = 4;

pub(super) struct Distinct {
    inner: Box<dyn Accumulator>,
    element: FieldRef,
    codec: KeyCodec,
    /// Group, then value: one entry for each value a group has seen.
    seen: KeyTable,
    encoded: EncodedKeys,
}

impl Distinct {
    pub(super) fn new(inner: Box<dyn Accumulator>, data_type: DataType) -> Distinct {
        let element = Arc::new(Field::new("element", data_type.clone(), true));
        let codec = KeyCodec::new(vec![data_type]);
        let (seen, encoded) = (KeyTable::default(), EncodedKeys::default());
        Distinct { inner, element, codec, seen, encoded }
    }
}

impl Accumulator for Distinct {
    fn resize(&mut self, n_groups: usize) {
        self.inner.resize(n_groups);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let argument = rows.argument();
        self.codec.encode(slice::from_ref(argument), groups.len(), &mut self.encoded);
        let mut first_seen = BooleanBufferBuilder::new(groups.len());
        first_seen.append_n(groups.len(), false);
        let mut entry = Vec::new();
        rows.for_each(groups, |row, _| {
            entry.clear();
            entry.extend_from_slice(&groups[row].to_le_bytes());
            entry.extend_from_slice(self.encoded.key(row));
            let n_before = self.seen.len();
            self.seen.find_or_insert(&entry);
            first_seen.set_bit(row, self.seen.len() > n_before);
        });
        let selected = Some(first_seen.finish());
        self.inner.update(groups, &Rows { argument: Some(argument), selected })
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![DataType::List(self.element.clone())]
    }

    fn partial(&self, range: Range<usize>) -> Result<Vec<ArrayRef>> {
        let mut values_of_group: Vec<Vec<u32>> = vec![Vec::new(); range.len()];
        for slot in 0..self.seen.len() {
            let group = group_of(self.seen.key(slot));
            if range.contains(&group) {
                let slot = u32::try_from(slot).expect("slots are 32-bit");
                values_of_group[group - range.start].push(slot);
            }
        }
        let offsets = OffsetBuffer::from_lengths(values_of_group.iter().map(Vec::len));
        let slots = values_of_group.iter().flatten();
        let values = slots.map(|slot| &self.seen.key(*slot as usize)[GROUP_BYTES..]);
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

    fn read(&self, range: Range<usize>) -> Result<ArrayRef> {
        self.inner.read(range)
    }
}

fn group_of(entry: &[u8]) -> usize {
    let bytes = entry[..GROUP_BYTES].try_into().expect("an entry begins with its group");
    u32::from_le_bytes(bytes) as usize
}
