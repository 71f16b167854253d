//! Numeric functions.

use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};

use super::{Binding, Kernel, refused};
use crate::expression::decimal::{self, POWERS, fit, rescale};
use crate::expression::text;

pub(super) fn bind(binding: &Binding<'_>) -> Result<Option<Kernel>> {
    let has_base = binding.function == F::Log && binding.arguments.len() == 2;
    if let Some(f) = of_double(binding.function).filter(|_| !has_base) {
        return Ok(Some(Box::new(move |call| {
            let x = call.number_of::<Float64Type>(0);
            Ok(call.numbers::<Float64Type>(|row| f(x(row))))
        })));
    }
    Ok(Some(match binding.function {
        F::Power => of_two_doubles(power),
        F::Atan2 => of_two_doubles(f64::atan2),
        F::Log => of_two_doubles(|base, x| x.ln() / base.ln()),
        F::Pi => constant(std::f64::consts::PI),
        F::E => constant(std::f64::consts::E),
        F::Abs | F::Sign | F::Ceil | F::Floor => by_type(binding)?,
        F::Round => round(binding, true)?,
        F::Truncate => round(binding, false)?,
        _ => return Ok(None),
    }))
}

fn of_double(function: F) -> Option<fn(f64) -> f64> {
    Some(match function {
        F::Sqrt => f64::sqrt,
        F::Ln | F::Log => f64::ln,
        F::Log10 => f64::log10,
        F::Log2 => |x| x.ln() / std::f64::consts::LN_2,
        F::Exp => f64::exp,
        F::Sin => f64::sin,
        F::Sinh => f64::sinh,
        F::Cos => f64::cos,
        F::Cosh => f64::cosh,
        F::Tan => f64::tan,
        F::Tanh => f64::tanh,
        F::Cot => |x| 1.0 / x.tan(),
        F::Asin => f64::asin,
        F::Acos => f64::acos,
        F::Atan => f64::atan,
        F::Degrees => |x| x * (180.0 / std::f64::consts::PI),
        F::Radians => |x| x / 180.0 * std::f64::consts::PI,
        _ => return None,
    })
}

/// As in Java, a NaN exponent gives NaN even of 1, and 1 to an infinite power is NaN.
fn power(x: f64, y: f64) -> f64 {
    let is_undefined = y.is_nan() || (x.abs() == 1.0 && y.is_infinite());
    if is_undefined { f64::NAN } else { x.powf(y) }
}

fn of_two_doubles(f: fn(f64, f64) -> f64) -> Kernel {
    Box::new(move |call| {
        let (x, y) = (call.number_of::<Float64Type>(0), call.number_of::<Float64Type>(1));
        Ok(call.numbers::<Float64Type>(|row| f(x(row), y(row))))
    })
}

fn constant(value: f64) -> Kernel {
    Box::new(move |call| Ok(call.numbers::<Float64Type>(|_| value)))
}

fn by_type(binding: &Binding<'_>) -> Result<Kernel> {
    let function = binding.function;
    Ok(match &binding.type_of(0).root {
        TypeRoot::TinyInt => same::<Int8Type>(integer(function, i8::wrapping_abs, i8::signum)),
        TypeRoot::SmallInt => same::<Int16Type>(integer(function, i16::wrapping_abs, i16::signum)),
        TypeRoot::Int => same::<Int32Type>(integer(function, i32::wrapping_abs, i32::signum)),
        TypeRoot::BigInt => same::<Int64Type>(integer(function, i64::wrapping_abs, i64::signum)),
        TypeRoot::Float => same::<Float32Type>(match function {
            F::Abs => f32::abs,
            F::Sign => |x| if x == 0.0 || x.is_nan() { x } else { x.signum() },
            F::Ceil => f32::ceil,
            _ => f32::floor,
        }),
        TypeRoot::Double => same::<Float64Type>(match function {
            F::Abs => f64::abs,
            F::Sign => |x| if x == 0.0 || x.is_nan() { x } else { x.signum() },
            F::Ceil => f64::ceil,
            _ => f64::floor,
        }),
        TypeRoot::Decimal { scale, .. } => decimals(binding, *scale),
        _ => return Err(binding.unbound()),
    })
}

fn integer<N>(function: F, abs: fn(N) -> N, signum: fn(N) -> N) -> fn(N) -> N {
    match function {
        F::Abs => abs,
        F::Sign => signum,
        _ => |x| x,
    }
}

fn same<T: ArrowPrimitiveType>(f: fn(T::Native) -> T::Native) -> Kernel {
    Box::new(move |call| {
        let x = call.number_of::<T>(0);
        Ok(call.numbers::<T>(|row| f(x(row))))
    })
}

fn decimals(binding: &Binding<'_>, scale: u8) -> Kernel {
    let one = POWERS[usize::from(scale)];
    let function = binding.function;
    let f = move |x: i128| match function {
        F::Abs => x.abs(),
        F::Sign => x.signum() * one,
        F::Floor => x.div_euclid(one),
        _ => -(-x).div_euclid(one),
    };
    decimal_kernel(binding, move |x, _| Ok(Some(f(x))), false)
}

/// A DECIMAL function of the first argument and, where there is one, an INT second.
fn decimal_kernel(
    binding: &Binding<'_>,
    f: impl Fn(i128, i32) -> Result<Option<i128>> + Send + Sync + 'static,
    has_digits: bool,
) -> Kernel {
    let data_type = binding.result.to_arrow();
    let precision = match binding.result.root {
        TypeRoot::Decimal { precision, .. } => precision,
        _ => 38,
    };
    Box::new(move |call| {
        let x = call.number_of::<Decimal128Type>(0);
        let digits = has_digits.then(|| call.number_of::<Int32Type>(1));
        let array = call.try_numbers::<Decimal128Type>(|row| {
            let digits = digits.as_ref().map_or(0, |digits| digits(row));
            Ok(f(x(row), digits)?.and_then(|value| fit(value, precision)))
        })?;
        Ok(Arc::new(array.with_data_type(data_type.clone())))
    })
}

/// ROUND, half away from zero, or TRUNCATE, toward zero.
fn round(binding: &Binding<'_>, is_half_up: bool) -> Result<Kernel> {
    let has_digits = binding.arguments.len() == 2;
    let long = move |x: i64, digits: i32| round_integer(x, digits, is_half_up);
    Ok(match &binding.type_of(0).root {
        TypeRoot::TinyInt => {
            rounded::<Int8Type>(has_digits, move |x, d| Ok(long(i64::from(x), d) as i8))
        }
        TypeRoot::SmallInt => {
            rounded::<Int16Type>(has_digits, move |x, d| Ok(long(i64::from(x), d) as i16))
        }
        TypeRoot::Int => {
            rounded::<Int32Type>(has_digits, move |x, d| Ok(long(i64::from(x), d) as i32))
        }
        TypeRoot::BigInt => rounded::<Int64Type>(has_digits, move |x, d| Ok(long(x, d))),
        TypeRoot::Float => rounded::<Float32Type>(has_digits, move |x, d| {
            Ok(round_double(f64::from(x), d, is_half_up)? as f32)
        }),
        TypeRoot::Double => {
            rounded::<Float64Type>(has_digits, move |x, d| round_double(x, d, is_half_up))
        }
        TypeRoot::Decimal { scale, .. } => {
            let from = *scale;
            let to = match binding.result.root {
                TypeRoot::Decimal { scale, .. } => scale,
                _ => from,
            };
            let f = move |x, digits| Ok(round_decimal(x, digits, (from, to), is_half_up));
            decimal_kernel(binding, f, has_digits)
        }
        _ => return Err(binding.unbound()),
    })
}

fn rounded<T: ArrowPrimitiveType>(
    has_digits: bool,
    f: impl Fn(T::Native, i32) -> Result<T::Native> + Send + Sync + 'static,
) -> Kernel {
    Box::new(move |call| {
        let x = call.number_of::<T>(0);
        let digits = has_digits.then(|| call.number_of::<Int32Type>(1));
        let array = call.try_numbers::<T>(|row| {
            let digits = digits.as_ref().map_or(0, |digits| digits(row));
            f(x(row), digits).map(Some)
        })?;
        Ok(Arc::new(array))
    })
}

/// The result wraps, as Java's narrowing does.
fn round_integer(x: i64, digits: i32, is_half_up: bool) -> i64 {
    let drop = match usize::try_from(digits.saturating_neg()) {
        Ok(drop) if drop > 0 => drop,
        _ => return x,
    };
    let Some(power) = POWERS.get(drop) else { return 0 };
    drop_digits(i128::from(x), *power, is_half_up) as i64
}

fn drop_digits(x: i128, power: i128, is_half_up: bool) -> i128 {
    let kept = if is_half_up { decimal::divide_half_up(x, power) } else { x / power };
    kept.saturating_mul(power)
}

/// At so many digits, and then at the scale of the result.
fn round_decimal(x: i128, digits: i32, (from, to): (u8, u8), is_half_up: bool) -> Option<i128> {
    let drop = i32::from(from).saturating_sub(digits);
    let rounded = match usize::try_from(drop) {
        Ok(drop) if drop > 0 => match POWERS.get(drop) {
            Some(power) => drop_digits(x, *power, is_half_up),
            None => 0,
        },
        _ => x,
    };
    rescale(rounded, from, to)
}

/// Rounds the shortest decimal digits, as `BigDecimal.valueOf` does: 1.005 is 1.01 at two digits.
fn round_double(x: f64, digits: i32, is_half_up: bool) -> Result<f64> {
    if !x.is_finite() {
        return Err(refused(format!("cannot round {x}")));
    }
    if let Some(rounded) = round_scaled(x, digits, is_half_up) {
        return Ok(rounded);
    }
    let mut shortest = String::new();
    text::double_digits(x, &mut shortest);
    Ok(round_digits(&shortest, digits, is_half_up).unwrap_or(x))
}

/// The same by floating-point arithmetic, where its error is certainly too small to matter: not
/// near a tie, and with a quotient of two exact integers, which is rounded correctly.
fn round_scaled(x: f64, digits: i32, is_half_up: bool) -> Option<f64> {
    const LARGEST: f64 = 1e12;
    const MARGIN: f64 = 1e-3;
    let digits = usize::try_from(digits).ok().filter(|digits| *digits <= 22)?;
    let power = POWERS[digits] as f64;
    let scaled = (x * power).abs();
    let fraction = scaled.fract();
    let tie = if is_half_up { 0.5 } else { 1.0 };
    let is_clear =
        scaled < LARGEST && (fraction - tie).abs() > MARGIN && (is_half_up || fraction > MARGIN);
    let whole = if is_half_up { scaled.round() } else { scaled.trunc() };
    is_clear.then(|| (whole / power).copysign(x))
}

/// Decimal text rounded at so many digits after the point; `None` where it has no more digits.
fn round_digits(shortest: &str, digits: i32, is_half_up: bool) -> Option<f64> {
    let (mantissa, exponent) = shortest.split_once(['e', 'E']).unwrap_or((shortest, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let fraction_digits = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let unscaled: i128 = mantissa.replace('.', "").parse().ok()?;
    let scale = i32::try_from(fraction_digits).ok()? - exponent;
    let drop = usize::try_from(scale.saturating_sub(digits)).ok().filter(|drop| *drop > 0)?;
    let Some(power) = POWERS.get(drop) else { return Some(0.0) };
    let rounded = drop_digits(unscaled, *power, is_half_up);
    format!("{rounded}e{}", -scale).parse().ok()
}
