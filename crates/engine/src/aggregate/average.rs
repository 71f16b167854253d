//! AVG: sum and count, divided when read. Integers are summed in BIGINT and truncate toward zero,
//! floats are summed in DOUBLE, decimals in DECIMAL(38, s) with the quotient rounded half up.
//! Source: Flink's `AvgAggFunction`.

use std::sync::Arc;

use argus_base::{Error, LogicalType, Result, TypeRoot};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowNativeTypeOp, Decimal128Array, Int64Array, PrimitiveArray,
};
use arrow_buffer::i256;
use arrow_schema::DataType;

use super::sum::{DECIMAL_MAX, decimal_add};
use super::{Accumulator, Rows, Slots};

pub(super) fn average(
    argument: &LogicalType,
    result: &LogicalType,
) -> Result<Box<dyn Accumulator>> {
    match argument.root {
        TypeRoot::TinyInt => Ok(Box::new(Average::<Int8Type>::default())),
        TypeRoot::SmallInt => Ok(Box::new(Average::<Int16Type>::default())),
        TypeRoot::Int => Ok(Box::new(Average::<Int32Type>::default())),
        TypeRoot::BigInt => Ok(Box::new(Average::<Int64Type>::default())),
        TypeRoot::Float => Ok(Box::new(Average::<Float32Type>::default())),
        TypeRoot::Double => Ok(Box::new(Average::<Float64Type>::default())),
        TypeRoot::Decimal { scale, .. } => match result.root {
            TypeRoot::Decimal { precision, scale: result_scale } => {
                let result_type = DataType::Decimal128(precision, result_scale.cast_signed());
                let shift = 10_i128.pow(u32::from(result_scale - scale));
                Ok(Box::new(DecimalAverage { scale, shift, result_type, groups: Vec::new() }))
            }
            _ => Err(Error::bug(format!("AVG over {argument} gives {result}"))),
        },
        _ => Err(Error::bug(format!("AVG over {argument}"))),
    }
}

/// A type whose values are averaged; sums are of `Sum`.
trait FromAverage: ArrowPrimitiveType + Send {
    type Sum: ArrowPrimitiveType;
    fn widen(value: Self::Native) -> <Self::Sum as ArrowPrimitiveType>::Native;
    fn divide(sum: <Self::Sum as ArrowPrimitiveType>::Native, count: i64) -> Self::Native;
}

macro_rules! integer_average {
    ($type:ty, $native:ty) => {
        impl FromAverage for $type {
            type Sum = Int64Type;
            fn widen(value: $native) -> i64 {
                i64::from(value)
            }
            // The quotient leaves the type only where the BIGINT sum wrapped: then it wraps too.
            #[allow(clippy::cast_possible_truncation, reason = "Java's narrowing")]
            fn divide(sum: i64, count: i64) -> $native {
                sum.wrapping_div(count) as $native
            }
        }
    };
}

integer_average!(Int8Type, i8);
integer_average!(Int16Type, i16);
integer_average!(Int32Type, i32);
integer_average!(Int64Type, i64);

impl FromAverage for Float32Type {
    type Sum = Float64Type;
    fn widen(value: f32) -> f64 {
        f64::from(value)
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Java's casts")]
    fn divide(sum: f64, count: i64) -> f32 {
        (sum / count as f64) as f32
    }
}

impl FromAverage for Float64Type {
    type Sum = Float64Type;
    fn widen(value: f64) -> f64 {
        value
    }
    #[allow(clippy::cast_precision_loss, reason = "Java's cast")]
    fn divide(sum: f64, count: i64) -> f64 {
        sum / count as f64
    }
}

/// Sum and count of each group.
struct Average<T: FromAverage> {
    sums: Vec<<T::Sum as ArrowPrimitiveType>::Native>,
    counts: Vec<i64>,
}

impl<T: FromAverage> Default for Average<T> {
    fn default() -> Self {
        Average { sums: Vec::new(), counts: Vec::new() }
    }
}

impl<T: FromAverage> Accumulator for Average<T> {
    fn resize(&mut self, n_groups: usize) {
        let n_groups = n_groups.max(self.sums.len());
        self.sums.resize(n_groups, Default::default());
        self.counts.resize(n_groups, 0);
    }

    fn clear(&mut self, groups: &[u32]) {
        for group in groups {
            self.sums[*group as usize] = Default::default();
            self.counts[*group as usize] = 0;
        }
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let values = rows.argument().as_primitive::<T>().values();
        rows.for_each(groups, |row, group| {
            self.sums[group] = self.sums[group].add_wrapping(T::widen(values[row]));
            self.counts[group] += 1;
        });
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        vec![T::Sum::DATA_TYPE, DataType::Int64]
    }

    fn partial(&self, slots: &Slots<'_>) -> Result<Vec<ArrayRef>> {
        let sums = PrimitiveArray::<T::Sum>::new(slots.copied(&self.sums).into(), None);
        let counts = Int64Array::from(slots.copied(&self.counts));
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn merge(&mut self, groups: &[u32], partial: &[ArrayRef]) -> Result<()> {
        let sums = partial[0].as_primitive::<T::Sum>().values();
        let counts = partial[1].as_primitive::<Int64Type>().values();
        for (i, group) in groups.iter().enumerate() {
            let group = *group as usize;
            self.sums[group] = self.sums[group].add_wrapping(sums[i]);
            self.counts[group] += counts[i];
        }
        Ok(())
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        let groups = slots.copied(&self.sums).into_iter().zip(slots.copied(&self.counts));
        let averages = groups.map(|(sum, count)| (count != 0).then(|| T::divide(sum, count)));
        Ok(Arc::new(averages.collect::<PrimitiveArray<T>>()))
    }

    fn n_bytes(&self) -> usize {
        size_of_val(self.sums.as_slice()) + size_of_val(self.counts.as_slice())
    }
}

/// Sum and count of a group without values.
const EMPTY: (Option<i128>, i64) = (Some(0), 0);

/// Sum (`None` after an overflow) and count of each group.
struct DecimalAverage {
    scale: u8,
    /// 10 to the digits that the result has more than the argument.
    shift: i128,
    result_type: DataType,
    groups: Vec<(Option<i128>, i64)>,
}

impl DecimalAverage {
    fn average(&self, sum: i128, count: i64) -> Option<i128> {
        let scaled = i256::from_i128(sum).checked_mul(i256::from_i128(self.shift))?;
        let count = i256::from_i128(i128::from(count));
        let quotient = scaled.wrapping_div(count);
        let remainder = scaled.wrapping_rem(count);
        let twice = remainder.wrapping_abs().checked_mul(i256::from_i128(2))?;
        let away = if twice >= count { i256::from_i128(sum.signum()) } else { i256::ZERO };
        let rounded = quotient.wrapping_add(away).to_i128()?;
        (rounded.abs() <= DECIMAL_MAX).then_some(rounded)
    }
}

impl Accumulator for DecimalAverage {
    fn resize(&mut self, n_groups: usize) {
        self.groups.resize(n_groups.max(self.groups.len()), EMPTY);
    }

    fn clear(&mut self, groups: &[u32]) {
        groups.iter().for_each(|group| self.groups[*group as usize] = EMPTY);
    }

    fn update(&mut self, groups: &[u32], rows: &Rows<'_>) -> Result<()> {
        let values = rows.argument().as_primitive::<Decimal128Type>().values();
        rows.for_each(groups, |row, group| {
            let (sum, count) = &mut self.groups[group];
            *sum = sum.and_then(|sum| decimal_add(sum, values[row]));
            *count += 1;
        });
        Ok(())
    }

    fn partial_types(&self) -> Vec<DataType> {
        let digits = argus_base::logical_type::MAX_DECIMAL_PRECISION;
        vec![DataType::Decimal128(digits, self.scale.cast_signed()), DataType::Int64]
    }

    fn partial(&self, slots: &Slots<'_>) -> Result<Vec<ArrayRef>> {
        let sums: Decimal128Array = slots.map(&self.groups, |group| group.0);
        let sums = sums.with_data_type(self.partial_types().swap_remove(0));
        let counts: Vec<i64> = slots.map(&self.groups, |group| group.1);
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }

    fn merge(&mut self, groups: &[u32], partial: &[ArrayRef]) -> Result<()> {
        let sums = partial[0].as_primitive::<Decimal128Type>();
        let counts = partial[1].as_primitive::<Int64Type>().values();
        for (i, group) in groups.iter().enumerate() {
            let (sum, count) = &mut self.groups[*group as usize];
            let other = sums.is_valid(i).then(|| sums.value(i));
            *sum = sum.zip(other).and_then(|(sum, other)| decimal_add(sum, other));
            *count += counts[i];
        }
        Ok(())
    }

    fn read(&self, slots: &Slots<'_>) -> Result<ArrayRef> {
        let array: Decimal128Array = slots.map(&self.groups, |(sum, count)| match sum {
            Some(sum) if *count != 0 => self.average(*sum, *count),
            _ => None,
        });
        Ok(Arc::new(array.with_data_type(self.result_type.clone())))
    }

    fn n_bytes(&self) -> usize {
        size_of_val(self.groups.as_slice())
    }
}
