//! MIN and MAX of insert-only input.

use std::sync::Arc;

use argus_base::{Error, LogicalType, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{
    ArrayRef, BinaryViewArray, BooleanArray, NullArray, PrimitiveArray, StringViewArray,
    downcast_primitive,
};
use arrow_schema::DataType;

use super::kept::Kept;
use super::{Accumulator, Rows, Slots};

/// Which value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Least,
    Greatest,
}

impl Keep {
    /// Whether a value takes the place of the kept one.
    #[inline]
    fn replaces<T: PartialOrd + ?Sized>(self, value: &T, kept: &T) -> bool {
        match self {
            Keep::Least => value < kept,
            Keep::Greatest => value > kept,
        }
    }
}

macro_rules! primitive {
    ($type:ty, $data_type:ident, $keep:ident) => {
        Ok(Box::new(Primitive::<$type> { data_type: $data_type, keep: $keep, kept: Vec::new() }))
    };
}

pub(super) fn min_max(argument: &LogicalType, keep: Keep) -> Result<Box<dyn Accumulator>> {
    let data_type = argument.to_arrow();
    match data_type {
        DataType::Utf8View | DataType::BinaryView => {
            Ok(Box::new(Bytes { data_type, keep, kept: Kept::default() }))
        }
        DataType::Boolean => Ok(Box::new(Truth { keep, kept: Vec::new() })),
        DataType::Null => Ok(Box::new(Nothing)),
        _ => {
            downcast_primitive! {
                data_type => (primitive, data_type, keep),
                other => Err(Error::bug(format!("MIN or MAX over {other}")))
            }
        }
    }
}

struct Primitive<T: ArrowPrimitiveType> {
    data_type: DataType,
    keep: Keep,
    kept: Vec<Option<T::Native>>,
}

impl<T: ArrowPrimitiveType> Accumulator for Primitive<T>
where
    T::Native: PartialOrd,
{
    fn resize(&mut self, n_groups: usize) {
        self.kept.resize(n_groups.max(self.kept.len()), None);
    }

    fn clear(&mut self, groups: &[u32]) {
        groups.iter().for_each(|group| self.kept[*group as usize] = None);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let values = rows.argument().as_primitive::<T>().values();
        let keep = self.keep;
        rows.for_each(groups, |row, group| {
            let kept = &mut self.kept[group];
            let replaces = kept.is_none_or(|kept| keep.replaces(&values[row], &kept));
            if replaces {
                *kept = Some(values[row]);
            }
        });
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        let array: PrimitiveArray<T> = slots.map(&self.kept, |kept| *kept);
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }

    fn n_bytes(&self) -> usize {
        size_of_val(self.kept.as_slice())
    }
}

/// Texts compare by their bytes, as Flink's BinaryStringData does.
struct Bytes {
    data_type: DataType,
    keep: Keep,
    kept: Kept,
}

impl Bytes {
    fn offer(&mut self, group: usize, value: &[u8]) {
        let replaces = self.kept.get(group).is_none_or(|kept| self.keep.replaces(value, kept));
        if replaces {
            self.kept.set(group, value);
        }
    }
}

impl Accumulator for Bytes {
    fn resize(&mut self, n_groups: usize) {
        self.kept.resize(n_groups);
    }

    fn clear(&mut self, groups: &[u32]) {
        self.kept.clear(groups);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let argument = rows.argument();
        if let Some(texts) = argument.as_string_view_opt() {
            rows.for_each(groups, |row, group| self.offer(group, texts.value(row).as_bytes()));
        } else {
            let values = argument.as_binary_view();
            rows.for_each(groups, |row, group| self.offer(group, values.value(row)));
        }
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        let values = self.kept.of(slots).into_iter();
        if self.data_type == DataType::BinaryView {
            return Ok(Arc::new(values.collect::<BinaryViewArray>()));
        }
        let text =
            |bytes| std::str::from_utf8(bytes).map_err(|error| Error::bug(error.to_string()));
        let texts = values.map(|value| value.map(text).transpose()).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(texts.into_iter().collect::<StringViewArray>()))
    }

    fn n_bytes(&self) -> usize {
        self.kept.n_bytes()
    }
}

struct Truth {
    keep: Keep,
    kept: Vec<Option<bool>>,
}

impl Accumulator for Truth {
    fn resize(&mut self, n_groups: usize) {
        self.kept.resize(n_groups.max(self.kept.len()), None);
    }

    fn clear(&mut self, groups: &[u32]) {
        groups.iter().for_each(|group| self.kept[*group as usize] = None);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let values = rows.argument().as_boolean().values();
        let keep = self.keep;
        rows.for_each(groups, |row, group| {
            let kept = &mut self.kept[group];
            if kept.is_none_or(|kept| keep.replaces(&values.value(row), &kept)) {
                *kept = Some(values.value(row));
            }
        });
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![DataType::Boolean]
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        Ok(Arc::new(slots.map::<_, _, BooleanArray>(&self.kept, |kept| *kept)))
    }

    fn n_bytes(&self) -> usize {
        size_of_val(self.kept.as_slice())
    }
}

/// MIN(NULL).
struct Nothing;

impl Accumulator for Nothing {
    fn resize(&mut self, _n_groups: usize) {}

    fn clear(&mut self, _groups: &[u32]) {}

    fn update(&mut self, _groups: &[u32], _rows: &Rows<'_>) -> Result<()> {
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![DataType::Null]
    }

    fn merge(&mut self, _groups: &[u32], _partial: &[ArrayRef]) -> Result<()> {
        Ok(())
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        Ok(Arc::new(NullArray::new(slots.len())))
    }

    fn n_bytes(&self) -> usize {
        0
    }
}
