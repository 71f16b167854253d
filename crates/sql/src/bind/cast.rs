//! Conversions: the explicit ones of CAST, the implicit ones that operators and sinks ask for, and
//! those of constants, which are carried out at once.

use argus_base::{LogicalType, TypeRoot};
use argus_plan::{Expression, ExpressionKind, Literal, Span, function};

use super::code;
use super::expression::at;
use crate::diagnostic::Diagnostic;

/// CAST or TRY_CAST to a type as written; the result is nullable where the input is, and always
/// for TRY_CAST.
pub(super) fn explicit(
    input: Expression,
    to: LogicalType,
    is_try: bool,
    span: Span,
) -> Result<Expression, Diagnostic> {
    let from = &input.logical_type;
    if !function::explicit_cast_allowed(from, &to) {
        let message = format!("cannot cast a value of type {from} to {to}");
        return Err(Diagnostic::wrong(code::TYPE_MISMATCH, span, message));
    }
    let nullable = is_try || from.nullable;
    if !is_try && same(&from.root, &to.root) && from.root.time_kind() == to.root.time_kind() {
        return Ok(Expression { span, ..input });
    }
    if let Some(literal) = input.as_literal().and_then(|l| convert(l, &from.root, &to.root)) {
        return Ok(at(ExpressionKind::Literal(literal), to.with_nullable(nullable), span));
    }
    let kind = ExpressionKind::Cast { input: Box::new(input), is_try };
    Ok(at(kind, to.with_nullable(nullable), span))
}

/// The value as one of that type, its own nullability kept. The caller knows that the cast
/// exists. Time attributes pass as what they are.
pub(super) fn implicit(input: Expression, to: &TypeRoot) -> Expression {
    if same(&input.logical_type.root, to) {
        return input;
    }
    let nullable = input.logical_type.nullable;
    let (logical_type, span) = (to.materialized().with_nullable_of(nullable), input.span);
    let converted = input.as_literal().and_then(|l| convert(l, &input.logical_type.root, to));
    let kind = match converted {
        Some(literal) => ExpressionKind::Literal(literal),
        None => ExpressionKind::Cast { input: Box::new(input), is_try: false },
    };
    at(kind, logical_type, span)
}

/// The values as ones of their common type; `None` where there is none.
pub(super) fn to_common(values: Vec<Expression>) -> Option<(Vec<Expression>, LogicalType)> {
    let types: Vec<&LogicalType> = values.iter().map(|value| &value.logical_type).collect();
    let common = common_type(&types)?.materialized();
    let values = values.into_iter().map(|value| implicit(value, &common.root)).collect();
    Some((values, common))
}

/// The type that values of all these types are cast to; `None` where there is none.
pub(super) fn common_type(types: &[&LogicalType]) -> Option<LogicalType> {
    let common = function::least_common_type(types)?;
    let is_cast = |from: &&LogicalType| {
        from.root == TypeRoot::Null || function::explicit_cast_allowed(from, &common)
    };
    types.iter().all(is_cast).then_some(common)
}

fn same(from: &TypeRoot, to: &TypeRoot) -> bool {
    from == to || from.materialized() == to.materialized()
}

trait WithNullable {
    fn with_nullable_of(self, nullable: bool) -> LogicalType;
}

impl WithNullable for TypeRoot {
    fn with_nullable_of(self, nullable: bool) -> LogicalType {
        LogicalType { root: self, nullable }
    }
}

/// The constant of another type, where that is plain and exact; everything else is left to the
/// engine, whose casts are the only ones.
pub(crate) fn convert(literal: &Literal, from: &TypeRoot, to: &TypeRoot) -> Option<Literal> {
    match (literal, to) {
        (Literal::Null, _) => Some(Literal::Null),
        (Literal::Integer(value), TypeRoot::TinyInt) => fits::<i8>(*value),
        (Literal::Integer(value), TypeRoot::SmallInt) => fits::<i16>(*value),
        (Literal::Integer(value), TypeRoot::Int) => fits::<i32>(*value),
        (Literal::Integer(value), TypeRoot::BigInt) => Some(Literal::Integer(*value)),
        (Literal::Integer(value), TypeRoot::Double) if value.unsigned_abs() < 1 << 53 =>
        {
            #[allow(clippy::cast_precision_loss, reason = "below 2^53 every integer is exact")]
            Some(Literal::Double(*value as f64))
        }
        (Literal::Integer(value), TypeRoot::Float) if value.unsigned_abs() < 1 << 24 =>
        {
            #[allow(clippy::cast_precision_loss, reason = "below 2^24 every integer is exact")]
            Some(Literal::Double(*value as f64))
        }
        (Literal::Decimal(value), TypeRoot::Double) => {
            let TypeRoot::Decimal { scale, .. } = from else { return None };
            format!("{value}e-{scale}").parse().ok().map(Literal::Double)
        }
        (Literal::Timestamp(value), TypeRoot::Timestamp { .. } | TypeRoot::TimestampLtz { .. }) => {
            finer(*value, from, to)
        }
        (Literal::Integer(value), TypeRoot::Decimal { precision, scale }) => {
            rescale(i128::from(*value), 0, *precision, *scale)
        }
        (Literal::Decimal(value), TypeRoot::Decimal { precision, scale: to_scale }) => {
            let TypeRoot::Decimal { scale, .. } = from else { return None };
            rescale(*value, *scale, *precision, *to_scale)
        }
        (Literal::Text(text), TypeRoot::VarChar(length)) => {
            let n_chars = text.chars().count();
            (n_chars <= *length as usize).then(|| Literal::Text(text.clone()))
        }
        _ => None,
    }
}

/// The same time in the unit of a precision that is no lower.
fn finer(value: i64, from: &TypeRoot, to: &TypeRoot) -> Option<Literal> {
    let digits = |precision: u8| match precision {
        0..=3 => 3,
        4..=6 => 6,
        _ => 9,
    };
    let (from, to) = match (from, to) {
        (TypeRoot::Timestamp { precision: p, .. }, TypeRoot::Timestamp { precision: q, .. })
        | (
            TypeRoot::TimestampLtz { precision: p, .. },
            TypeRoot::TimestampLtz { precision: q, .. },
        ) if p <= q => (digits(*p), digits(*q)),
        _ => return None,
    };
    value.checked_mul(10_i64.pow(to - from)).map(Literal::Timestamp)
}

fn fits<T: TryFrom<i64>>(value: i64) -> Option<Literal> {
    T::try_from(value).ok().map(|_| Literal::Integer(value))
}

fn rescale(value: i128, from_scale: u8, precision: u8, scale: u8) -> Option<Literal> {
    let more = scale.checked_sub(from_scale)?;
    let scaled = value.checked_mul(10_i128.checked_pow(u32::from(more))?)?;
    let bound = 10_i128.checked_pow(u32::from(precision))?;
    (scaled.abs() < bound).then_some(Literal::Decimal(scaled))
}
