//! Conversions among numbers and BOOLEAN, narrowing as Java does.

use std::sync::Arc;

use argus_base::{Result, TypeRoot};
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int32Array,
    PrimitiveArray,
};
use arrow_buffer::{BooleanBuffer, ScalarBuffer};

use super::super::value::downcast;
use super::text::double_digits;
use super::{Apply, decimal, refused};

/// The conversion between two numbers, or a number and BOOLEAN.
pub(super) fn convert(from: &TypeRoot, to: &TypeRoot, is_try: bool) -> Apply {
    match (from, to) {
        (TypeRoot::Boolean, _) => {
            let rest = (*to != TypeRoot::Int).then(|| convert(&TypeRoot::Int, to, is_try));
            Box::new(move |array| {
                let ints = boolean_to_int(downcast(array));
                rest.as_ref().map_or(Ok(ints.clone()), |rest| rest(&ints))
            })
        }
        (_, TypeRoot::Boolean) => by_source(from, ToBoolean),
        (TypeRoot::Decimal { scale, .. }, TypeRoot::Decimal { precision, scale: to_scale }) => {
            let (from_scale, precision, scale) = (*scale, *precision, *to_scale);
            Box::new(move |array| {
                Ok(decimal_to_decimal(downcast(array), from_scale, precision, scale))
            })
        }
        (TypeRoot::Decimal { scale, .. }, _) => {
            let (scale, to) = (*scale, to.clone());
            Box::new(move |array| Ok(decimal_to_number(downcast(array), scale, &to)))
        }
        (_, TypeRoot::Decimal { precision, scale }) if from.is_approximate() => {
            let (precision, scale) = (*precision, *scale);
            let is_float = *from == TypeRoot::Float;
            Box::new(move |array| float_to_decimal(array, is_float, (precision, scale), is_try))
        }
        (_, TypeRoot::Decimal { precision, scale }) => {
            by_source(from, ToDecimal { precision: *precision, scale: *scale })
        }
        _ => by_source(from, ToNumber(to.clone())),
    }
}

fn boolean_to_int(array: &BooleanArray) -> ArrayRef {
    let values: Vec<i32> = array.values().iter().map(i32::from).collect();
    Arc::new(Int32Array::new(values.into(), array.nulls().cloned()))
}

/// A number of Java's: how it narrows.
trait Number: Copy {
    fn to_int(self) -> i32;
    fn to_long(self) -> i64;
    fn to_float(self) -> f32;
    fn to_double(self) -> f64;
    fn is_zero(self) -> bool;
}

macro_rules! number {
    ($($native:ty, $zero:expr;)*) => {$(
        impl Number for $native {
            #[inline]
            fn to_int(self) -> i32 { self as i32 }
            #[inline]
            fn to_long(self) -> i64 { self as i64 }
            #[inline]
            fn to_float(self) -> f32 { self as f32 }
            #[inline]
            fn to_double(self) -> f64 { self as f64 }
            #[inline]
            fn is_zero(self) -> bool { self == $zero }
        }
    )*};
}

number! { i8, 0; i16, 0; i32, 0; i64, 0; f32, 0.0; f64, 0.0; }

/// What is done to a column of numbers of any type.
trait Visitor: Send + Sync + 'static {
    fn visit<T>(&self, array: &PrimitiveArray<T>) -> ArrayRef
    where
        T: ArrowPrimitiveType,
        T::Native: Number;
}

fn by_source(from: &TypeRoot, visitor: impl Visitor) -> Apply {
    match from {
        TypeRoot::TinyInt => Box::new(move |a| Ok(visitor.visit::<Int8Type>(downcast(a)))),
        TypeRoot::SmallInt => Box::new(move |a| Ok(visitor.visit::<Int16Type>(downcast(a)))),
        TypeRoot::Int => Box::new(move |a| Ok(visitor.visit::<Int32Type>(downcast(a)))),
        TypeRoot::Float => Box::new(move |a| Ok(visitor.visit::<Float32Type>(downcast(a)))),
        TypeRoot::Double => Box::new(move |a| Ok(visitor.visit::<Float64Type>(downcast(a)))),
        TypeRoot::Decimal { .. } => Box::new(|a| Ok(decimal_to_boolean(downcast(a)))),
        _ => Box::new(move |a| Ok(visitor.visit::<Int64Type>(downcast(a)))),
    }
}

struct ToBoolean;

impl Visitor for ToBoolean {
    fn visit<T>(&self, array: &PrimitiveArray<T>) -> ArrayRef
    where
        T: ArrowPrimitiveType,
        T::Native: Number,
    {
        let values = array.values();
        let bits = BooleanBuffer::collect_bool(values.len(), |row| !values[row].is_zero());
        Arc::new(BooleanArray::new(bits, array.nulls().cloned()))
    }
}

fn decimal_to_boolean(array: &Decimal128Array) -> ArrayRef {
    let values = array.values();
    let bits = BooleanBuffer::collect_bool(values.len(), |row| values[row] != 0);
    Arc::new(BooleanArray::new(bits, array.nulls().cloned()))
}

struct ToNumber(TypeRoot);

impl Visitor for ToNumber {
    fn visit<T>(&self, array: &PrimitiveArray<T>) -> ArrayRef
    where
        T: ArrowPrimitiveType,
        T::Native: Number,
    {
        match self.0 {
            TypeRoot::TinyInt => Arc::new(array.unary::<_, Int8Type>(|v| v.to_int() as i8)),
            TypeRoot::SmallInt => Arc::new(array.unary::<_, Int16Type>(|v| v.to_int() as i16)),
            TypeRoot::Int => Arc::new(array.unary::<_, Int32Type>(Number::to_int)),
            TypeRoot::Float => Arc::new(array.unary::<_, Float32Type>(Number::to_float)),
            TypeRoot::Double => Arc::new(array.unary::<_, Float64Type>(Number::to_double)),
            _ => Arc::new(array.unary::<_, Int64Type>(Number::to_long)),
        }
    }
}

/// Integers only; the caller sends approximate numbers elsewhere.
struct ToDecimal {
    precision: u8,
    scale: u8,
}

impl Visitor for ToDecimal {
    fn visit<T>(&self, array: &PrimitiveArray<T>) -> ArrayRef
    where
        T: ArrowPrimitiveType,
        T::Native: Number,
    {
        let power = decimal::POWERS[usize::from(self.scale)];
        let convert = |value: T::Native| {
            let value = i128::from(value.to_long()).checked_mul(power)?;
            decimal::fit(value, self.precision)
        };
        let is_safe = |digits: u8| digits + self.scale <= self.precision;
        let array = match is_safe(max_digits::<T>()) {
            true => array.unary::<_, Decimal128Type>(|v| i128::from(v.to_long()) * power),
            false => array.unary_opt::<_, Decimal128Type>(convert),
        };
        Arc::new(with_type(array, self.precision, self.scale))
    }
}

fn max_digits<T: ArrowPrimitiveType>() -> u8 {
    match size_of::<T::Native>() {
        1 => 3,
        2 => 5,
        4 => 10,
        _ => 19,
    }
}

fn with_type(array: Decimal128Array, precision: u8, scale: u8) -> Decimal128Array {
    array.with_data_type(arrow_schema::DataType::Decimal128(precision, scale.cast_signed()))
}

fn decimal_to_decimal(array: &Decimal128Array, from: u8, precision: u8, scale: u8) -> ArrayRef {
    let convert = |value| decimal::fit(decimal::rescale(value, from, scale)?, precision);
    Arc::new(with_type(array.unary_opt::<_, Decimal128Type>(convert), precision, scale))
}

fn decimal_to_number(array: &Decimal128Array, scale: u8, to: &TypeRoot) -> ArrayRef {
    let power = decimal::POWERS[usize::from(scale)];
    let long = |value: i128| (value / power) as i64;
    let double = |value: i128| decimal::to_double(value, scale);
    match to {
        TypeRoot::TinyInt => Arc::new(array.unary::<_, Int8Type>(|v| long(v) as i8)),
        TypeRoot::SmallInt => Arc::new(array.unary::<_, Int16Type>(|v| long(v) as i16)),
        TypeRoot::Int => Arc::new(array.unary::<_, Int32Type>(|v| long(v) as i32)),
        TypeRoot::Float => Arc::new(array.unary::<_, Float32Type>(|v| double(v) as f32)),
        TypeRoot::Double => Arc::new(array.unary::<_, Float64Type>(double)),
        _ => Arc::new(array.unary::<_, Int64Type>(long)),
    }
}

/// By way of the shortest decimal digits, as `BigDecimal.valueOf` does; those of a FLOAT are taken
/// of the same number as DOUBLE.
fn float_to_decimal(
    array: &ArrayRef,
    is_float: bool,
    (precision, scale): (u8, u8),
    is_try: bool,
) -> Result<ArrayRef> {
    let doubles: ScalarBuffer<f64> = match is_float {
        true => downcast::<Float32Array>(array).values().iter().map(|v| f64::from(*v)).collect(),
        false => downcast::<Float64Array>(array).values().clone(),
    };
    let mut digits = String::new();
    let mut values = Vec::with_capacity(doubles.len());
    for (row, value) in doubles.iter().enumerate() {
        if array.is_null(row) {
            values.push(None);
            continue;
        }
        if !value.is_finite() && !is_try {
            return Err(refused(&value.to_string(), &TypeRoot::Decimal { precision, scale }));
        }
        digits.clear();
        double_digits(*value, &mut digits);
        values.push(decimal::parse(&digits, precision, scale));
    }
    Ok(Arc::new(with_type(Decimal128Array::from(values), precision, scale)))
}
