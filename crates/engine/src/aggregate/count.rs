//! COUNT(*) and COUNT(x).

use std::sync::Arc;

use argus_base::Result;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::DataType;

use super::{Accumulator, Rows, Slots};

#[derive(Default)]
pub(super) struct Count {
    counts: Vec<i64>,
}

impl Accumulator for Count {
    fn resize(&mut self, n_groups: usize) {
        self.counts.resize(n_groups.max(self.counts.len()), 0);
    }

    fn clear(&mut self, groups: &[u32]) {
        groups.iter().for_each(|group| self.counts[*group as usize] = 0);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        rows.for_each(groups, |_, group| self.counts[group] += 1);
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![DataType::Int64]
    }

    fn merge(&mut self, groups: &[u32], partial: &[ArrayRef]) -> Result<()> {
        let counts = partial[0].as_primitive::<Int64Type>().values();
        for (group, count) in groups.iter().zip(counts) {
            self.counts[*group as usize] += count;
        }
        Ok(())
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(slots.copied(&self.counts))))
    }

    fn n_bytes(&self) -> usize {
        size_of_val(self.counts.as_slice())
    }
}
