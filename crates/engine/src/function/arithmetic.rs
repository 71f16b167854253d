//! `+ - * / %` and unary minus over numbers. Integers wrap; a divisor of zero is an error of
//! integers and DECIMAL, and by IEEE 754 of FLOAT and DOUBLE.

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_arith::numeric::{add_wrapping, mul_wrapping, neg_wrapping, sub_wrapping};
use arrow_array::ArrayRef;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use arrow_buffer::ArrowNativeType;
use arrow_schema::ArrowError;

use super::{Binding, Call, Kernel, decimal, division_by_zero};
use crate::expression::Value;

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    let is_operator =
        matches!(binding.function, F::Plus | F::Minus | F::Times | F::Divide | F::Mod | F::Negate);
    if !is_operator || !(0..binding.arguments.len()).all(|i| binding.type_of(i).root.is_numeric()) {
        return Ok(None);
    }
    let root = &binding.type_of(0).root;
    if matches!(root, TypeRoot::Decimal { .. }) && binding.function != F::Negate {
        return decimal::bind(binding).map(Some);
    }
    Ok(Some(match binding.function {
        F::Plus => kernel(|a, b| add_wrapping(a, b)),
        F::Minus => kernel(|a, b| sub_wrapping(a, b)),
        F::Times => kernel(|a, b| mul_wrapping(a, b)),
        F::Negate => Box::new(|call| Ok(neg_wrapping(call.arguments[0].array())?)),
        F::Divide => match root {
            TypeRoot::TinyInt => integers::<Int8Type>(i8::wrapping_div),
            TypeRoot::SmallInt => integers::<Int16Type>(i16::wrapping_div),
            TypeRoot::Int => integers::<Int32Type>(i32::wrapping_div),
            TypeRoot::Float => floats::<Float32Type>(|a, b| a / b),
            TypeRoot::Double => floats::<Float64Type>(|a, b| a / b),
            _ => integers::<Int64Type>(i64::wrapping_div),
        },
        _ => remainder(root, &binding.result.root),
    }))
}

type Kernel2 = fn(&Value, &Value) -> std::result::Result<ArrayRef, ArrowError>;

fn kernel(f: Kernel2) -> Kernel {
    Box::new(move |call| Ok(f(&call.arguments[0], &call.arguments[1])?))
}

/// The remainder has the type of the divisor, which may be narrower than the common type; since
/// it is smaller than the divisor, nothing is lost.
fn remainder(common: &TypeRoot, result: &TypeRoot) -> Kernel {
    let kernel = match common {
        TypeRoot::TinyInt => integers::<Int8Type>(i8::wrapping_rem),
        TypeRoot::SmallInt => integers::<Int16Type>(i16::wrapping_rem),
        TypeRoot::Int => integers::<Int32Type>(i32::wrapping_rem),
        _ => integers::<Int64Type>(i64::wrapping_rem),
    };
    if common == result {
        return kernel;
    }
    let narrow = crate::expression::narrow_integer(common, result);
    Box::new(move |call| narrow(&kernel(call)?))
}

fn integers<T: ArrowPrimitiveType>(f: fn(T::Native, T::Native) -> T::Native) -> Kernel
where
    T::Native: ArrowNativeType + PartialEq,
{
    Box::new(move |call| {
        let (a, b) = (call.number_of::<T>(0), call.number_of::<T>(1));
        let zero = T::Native::default();
        let divisor_is_zero = match call.arguments[1].is_constant() {
            true => b(0) == zero && (0..call.n_rows).any(|row| call.has_result(row)),
            false => (0..call.n_rows).any(|row| b(row) == zero && call.has_result(row)),
        };
        if divisor_is_zero {
            return Err(division_by_zero());
        }
        Ok(call.numbers::<T>(|row| f(a(row), b(row))))
    })
}

fn floats<T: ArrowPrimitiveType>(f: fn(T::Native, T::Native) -> T::Native) -> Kernel {
    Box::new(move |call: &Call<'_>| {
        let (a, b) = (call.number_of::<T>(0), call.number_of::<T>(1));
        Ok(call.numbers::<T>(|row| f(a(row), b(row))))
    })
}
