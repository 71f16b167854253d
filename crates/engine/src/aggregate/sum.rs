//! SUM: in the argument's own type for integers (wrapping) and floats, in DECIMAL(38, s) for
//! decimals. A decimal sum that leaves 38 digits becomes NULL, and the next value starts anew:
//! so it is in Flink's `SumAggFunction`.

use std::sync::Arc;

use argus_base::{Error, LogicalType, Result, TypeRoot};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use arrow_array::{ArrayRef, ArrowNativeTypeOp, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::{Accumulator, Rows, Slots};

/// Greatest unscaled value of DECIMAL(38, s).
pub(super) const DECIMAL_MAX: i128 = 10_i128.pow(38) - 1;

pub(super) fn sum(argument: &LogicalType, result: &LogicalType) -> Result<Box<dyn Accumulator>> {
    let data_type = result.to_arrow();
    match argument.root {
        TypeRoot::TinyInt => Ok(Box::new(Sum::<Int8Type>::new(data_type, wrapping::<Int8Type>))),
        TypeRoot::SmallInt => Ok(Box::new(Sum::<Int16Type>::new(data_type, wrapping::<Int16Type>))),
        TypeRoot::Int => Ok(Box::new(Sum::<Int32Type>::new(data_type, wrapping::<Int32Type>))),
        TypeRoot::BigInt => Ok(Box::new(Sum::<Int64Type>::new(data_type, wrapping::<Int64Type>))),
        TypeRoot::Float => {
            Ok(Box::new(Sum::<Float32Type>::new(data_type, wrapping::<Float32Type>)))
        }
        TypeRoot::Double => {
            Ok(Box::new(Sum::<Float64Type>::new(data_type, wrapping::<Float64Type>)))
        }
        TypeRoot::Decimal { .. } => {
            Ok(Box::new(Sum::<Decimal128Type>::new(data_type, decimal_add)))
        }
        _ => Err(Error::bug(format!("SUM over {argument}"))),
    }
}

fn wrapping<T: ArrowPrimitiveType>(sum: T::Native, value: T::Native) -> Option<T::Native> {
    Some(sum.add_wrapping(value))
}

/// The sum, or `None` beyond 38 digits.
pub(super) fn decimal_add(sum: i128, value: i128) -> Option<i128> {
    let total = sum.checked_add(value)?;
    (total.abs() <= DECIMAL_MAX).then_some(total)
}

struct Sum<T: ArrowPrimitiveType> {
    data_type: DataType,
    add: fn(T::Native, T::Native) -> Option<T::Native>,
    sums: Vec<T::Native>,
    is_set: Vec<bool>,
}

impl<T: ArrowPrimitiveType> Sum<T> {
    fn new(data_type: DataType, add: fn(T::Native, T::Native) -> Option<T::Native>) -> Sum<T> {
        Sum { data_type, add, sums: Vec::new(), is_set: Vec::new() }
    }

    #[inline]
    fn add(&mut self, group: usize, value: T::Native) {
        let start = if self.is_set[group] { self.sums[group] } else { T::Native::default() };
        match (self.add)(start, value) {
            Some(total) => {
                self.sums[group] = total;
                self.is_set[group] = true;
            }
            None => self.is_set[group] = false,
        }
    }
}

impl<T: ArrowPrimitiveType> Accumulator for Sum<T> {
    fn resize(&mut self, n_groups: usize) {
        let n_groups = n_groups.max(self.sums.len());
        self.sums.resize(n_groups, T::Native::default());
        self.is_set.resize(n_groups, false);
    }

    fn clear(&mut self, groups: &[u32]) {
        groups.iter().for_each(|group| self.is_set[*group as usize] = false);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let values = rows.argument().as_primitive::<T>().values();
        rows.for_each(groups, |row, group| self.add(group, values[row]));
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![self.data_type.clone()]
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        let nulls = NullBuffer::from(slots.copied(&self.is_set));
        let values = slots.copied(&self.sums).into();
        let array = PrimitiveArray::<T>::try_new(values, Some(nulls))?;
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }

    fn n_bytes(&self) -> usize {
        size_of_val(self.sums.as_slice()) + size_of_val(self.is_set.as_slice())
    }
}
