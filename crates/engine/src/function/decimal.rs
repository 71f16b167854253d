//! `+ - * / %` over DECIMAL: exact, then half away from zero at the scale of the result; NULL
//! where that has too many digits.

use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::types::Decimal128Type;
use arrow_buffer::i256;

use super::{Binding, Kernel, division_by_zero};
use crate::expression::decimal::{
    POWERS, divide_half_up, fit, narrow, narrow_quotient, rescale, wide_power,
};

/// Scales of the operands, and precision and scale of the result.
#[derive(Clone, Copy)]
struct Shape {
    a: u8,
    b: u8,
    precision: u8,
    scale: u8,
}

impl Shape {
    /// The greater of the operands' scales, at which they are added and compared.
    fn common(self) -> u8 {
        self.a.max(self.b)
    }
}

pub(super) fn bind(binding: &Binding<'_>) -> Result<Kernel> {
    let (a, b) = (binding.type_of(0), binding.type_of(1));
    let (TypeRoot::Decimal { scale: a, .. }, TypeRoot::Decimal { scale: b, .. }) =
        (&a.root, &b.root)
    else {
        return Err(binding.unbound());
    };
    let (precision, scale) = match binding.result.root {
        TypeRoot::Decimal { precision, scale } => (precision, scale),
        _ => (38, 0),
    };
    let shape = Shape { a: *a, b: *b, precision, scale };
    let f: fn(Shape, i128, i128) -> Option<i128> = match binding.function {
        F::Plus => add,
        F::Minus => |shape, a, b| add(shape, a, -b),
        F::Times => multiply,
        F::Divide => divide,
        _ => remainder,
    };
    let needs_divisor = matches!(binding.function, F::Divide | F::Mod);
    let data_type = binding.result.to_arrow();
    Ok(Box::new(move |call| {
        let (a, b) = (call.number_of::<Decimal128Type>(0), call.number_of::<Decimal128Type>(1));
        let array = call.try_numbers::<Decimal128Type>(|row| {
            if needs_divisor && b(row) == 0 {
                return Err(division_by_zero());
            }
            Ok(f(shape, a(row), b(row)))
        })?;
        Ok(Arc::new(array.with_data_type(data_type.clone())))
    }))
}

fn add(shape: Shape, a: i128, b: i128) -> Option<i128> {
    let common = shape.common();
    let up = |value: i128, scale: u8| value.checked_mul(POWERS[usize::from(common - scale)]);
    if let (Some(a), Some(b)) = (up(a, shape.a), up(b, shape.b))
        && let Some(sum) = a.checked_add(b)
    {
        let sum = if common == shape.scale { sum } else { rescale(sum, common, shape.scale)? };
        return fit(sum, shape.precision);
    }
    let up = |value: i128, scale: u8| {
        i256::from_i128(value).checked_mul(wide_power(u32::from(common - scale))?)
    };
    let sum = up(a, shape.a)?.checked_add(up(b, shape.b)?)?;
    narrow(sum, common.saturating_sub(shape.scale), shape.precision)
}

fn multiply(shape: Shape, a: i128, b: i128) -> Option<i128> {
    let scale = shape.a + shape.b;
    match a.checked_mul(b) {
        Some(product) if scale - shape.scale <= 38 => {
            fit(rescale(product, scale, shape.scale)?, shape.precision)
        }
        _ => {
            let product = i256::from_i128(a).checked_mul(i256::from_i128(b))?;
            narrow(product, scale - shape.scale, shape.precision)
        }
    }
}

/// Where the numerator is beyond 76 digits, the quotient is beyond 38.
fn divide(shape: Shape, a: i128, b: i128) -> Option<i128> {
    let shift = i32::from(shape.scale) - i32::from(shape.a) + i32::from(shape.b);
    let up = u32::try_from(shift).unwrap_or(0);
    let down = u32::try_from(-shift).unwrap_or(0);
    if let (0, Some(power)) = (down, POWERS.get(up as usize))
        && let Some(numerator) = a.checked_mul(*power)
    {
        return fit(divide_half_up(numerator, b), shape.precision);
    }
    let numerator = i256::from_i128(a).checked_mul(wide_power(up)?)?;
    let divisor = i256::from_i128(b).checked_mul(wide_power(down)?)?;
    narrow_quotient(numerator, divisor, shape.precision)
}

fn remainder(shape: Shape, a: i128, b: i128) -> Option<i128> {
    let common = shape.common();
    let up = |value: i128, scale: u8| {
        i256::from_i128(value).checked_mul(wide_power(u32::from(common - scale))?)
    };
    let rest = up(a, shape.a)?.checked_rem(up(b, shape.b)?)?;
    narrow(rest, common.saturating_sub(shape.scale), shape.precision)
}
