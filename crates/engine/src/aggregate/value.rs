//! FIRST_VALUE and LAST_VALUE of any type: the first or last non-NULL value in order of arrival,
//! kept in the stable key encoding.

use std::slice;

use argus_base::Result;
use argus_state::KeyCodec;
use argus_state::key_codec::EncodedKeys;
use arrow_array::ArrayRef;
use arrow_schema::DataType;

use super::kept::Kept;
use super::{Accumulator, Rows, Slots};

/// The encoding of NULL.
const NULL: &[u8] = &[0];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    Last,
}

pub(super) struct Value {
    data_type: DataType,
    codec: KeyCodec,
    keep: Keep,
    kept: Kept,
    encoded: EncodedKeys,
}

impl Value {
    pub(super) fn new(data_type: DataType, keep: Keep) -> Value {
        let codec = KeyCodec::new(vec![data_type.clone()]);
        Value { data_type, codec, keep, kept: Kept::default(), encoded: EncodedKeys::default() }
    }
}

impl Accumulator for Value {
    fn resize(&mut self, n_groups: usize) {
        self.kept.resize(n_groups);
    }

    fn clear(&mut self, groups: &[u32]) {
        self.kept.clear(groups);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let argument = rows.argument();
        self.codec.encode(slice::from_ref(argument), groups.len(), &mut self.encoded);
        rows.for_each(groups, |row, group| {
            if self.keep == Keep::Last || self.kept.get(group).is_none() {
                self.kept.set(group, self.encoded.key(row));
            }
        });
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        let values = self.kept.of(slots).into_iter().map(|value| value.unwrap_or(NULL));
        Ok(self.codec.decode(values)?.swap_remove(0))
    }

    fn n_bytes(&self) -> usize {
        self.kept.n_bytes()
    }
}
