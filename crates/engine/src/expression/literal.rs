//! Literals as arrays of one row.

use std::sync::Arc;

use argus_base::{Error, LogicalType, Result, TypeRoot};
use argus_plan::Literal;
use arrow_array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    DurationMillisecondArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, IntervalYearMonthArray, PrimitiveArray, StringViewArray, Time32MillisecondArray,
    new_null_array,
};
use arrow_schema::{DataType, TimeUnit};

/// The literal as an array of one row of that type.
pub(super) fn literal_array(literal: &Literal, logical_type: &LogicalType) -> Result<ArrayRef> {
    let data_type = logical_type.to_arrow();
    Ok(match (literal, &logical_type.root) {
        (Literal::Null, _) => new_null_array(&data_type, 1),
        (Literal::Boolean(value), _) => Arc::new(BooleanArray::from(vec![*value])),
        (Literal::Integer(value), root) => integer(*value, root, literal)?,
        (Literal::Decimal(value), _) => {
            Arc::new(Decimal128Array::from(vec![*value]).with_data_type(data_type))
        }
        (Literal::Double(value), TypeRoot::Float) => {
            Arc::new(Float32Array::from(vec![*value as f32]))
        }
        (Literal::Double(value), _) => Arc::new(Float64Array::from(vec![*value])),
        (Literal::Text(value), _) => Arc::new(StringViewArray::from(vec![value.as_ref()])),
        (Literal::Bytes(value), _) => Arc::new(BinaryViewArray::from(vec![value.as_ref()])),
        (Literal::Date(value), _) => Arc::new(Date32Array::from(vec![*value])),
        (Literal::Time(value), _) => Arc::new(Time32MillisecondArray::from(vec![*value])),
        (Literal::Timestamp(value), _) => timestamp(*value, data_type),
        (Literal::Months(value), _) => Arc::new(IntervalYearMonthArray::from(vec![*value])),
        (Literal::Millis(value), _) => Arc::new(DurationMillisecondArray::from(vec![*value])),
    })
}

fn integer(value: i64, root: &TypeRoot, literal: &Literal) -> Result<ArrayRef> {
    let misfit = || Error::bug(format!("literal {literal:?} of type {root:?}"));
    Ok(match root {
        TypeRoot::TinyInt => {
            Arc::new(Int8Array::from(vec![i8::try_from(value).map_err(|_| misfit())?]))
        }
        TypeRoot::SmallInt => {
            Arc::new(Int16Array::from(vec![i16::try_from(value).map_err(|_| misfit())?]))
        }
        TypeRoot::Int => {
            Arc::new(Int32Array::from(vec![i32::try_from(value).map_err(|_| misfit())?]))
        }
        TypeRoot::BigInt => Arc::new(Int64Array::from(vec![value])),
        _ => return Err(misfit()),
    })
}

fn timestamp(value: i64, data_type: DataType) -> ArrayRef {
    match data_type {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => Arc::new(
            PrimitiveArray::<TimestampMicrosecondType>::from(vec![value]).with_timezone_opt(zone),
        ),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => Arc::new(
            PrimitiveArray::<TimestampNanosecondType>::from(vec![value]).with_timezone_opt(zone),
        ),
        DataType::Timestamp(_, zone) => Arc::new(
            PrimitiveArray::<TimestampMillisecondType>::from(vec![value]).with_timezone_opt(zone),
        ),
        _ => Arc::new(PrimitiveArray::<TimestampMillisecondType>::from(vec![value])),
    }
}
