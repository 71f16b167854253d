//! Result types of DECIMAL arithmetic, by the rules of Flink's `LogicalTypeMerging`.

use argus_base::TypeRoot;
use argus_base::logical_type::MAX_DECIMAL_PRECISION;

/// Precision and scale.
pub(super) type Decimal = (u8, u8);

const LEAST_ADJUSTED_SCALE: i32 = 6;

/// Precision and scale of an exact number, integers included.
pub(super) fn of(root: &TypeRoot) -> Option<Decimal> {
    match root {
        TypeRoot::Decimal { precision, scale } => Some((*precision, *scale)),
        TypeRoot::TinyInt => Some((3, 0)),
        TypeRoot::SmallInt => Some((5, 0)),
        TypeRoot::Int => Some((10, 0)),
        TypeRoot::BigInt => Some((19, 0)),
        _ => None,
    }
}

/// `a + b` and `a - b`.
pub(super) fn add((p1, s1): Decimal, (p2, s2): Decimal) -> TypeRoot {
    let scale = s1.max(s2);
    adjust(i32::from((p1 - s1).max(p2 - s2)) + i32::from(scale) + 1, i32::from(scale))
}

/// `a * b`.
pub(super) fn multiply((p1, s1): Decimal, (p2, s2): Decimal) -> TypeRoot {
    adjust(i32::from(p1) + i32::from(p2) + 1, i32::from(s1) + i32::from(s2))
}

/// `a / b`.
pub(super) fn divide((p1, s1): Decimal, (p2, s2): Decimal) -> TypeRoot {
    let scale = (i32::from(s1) + i32::from(p2) + 1).max(LEAST_ADJUSTED_SCALE);
    adjust(i32::from(p1) - i32::from(s1) + i32::from(s2) + scale, scale)
}

/// `a % b`.
pub(super) fn remainder((p1, s1): Decimal, (p2, s2): Decimal) -> TypeRoot {
    let scale = s1.max(s2);
    adjust(i32::from((p1 - s1).min(p2 - s2)) + i32::from(scale), i32::from(scale))
}

/// `ROUND(a, digits)`.
pub(super) fn round((precision, scale): Decimal, digits: i64) -> TypeRoot {
    if digits >= i64::from(scale) {
        return TypeRoot::Decimal { precision, scale };
    }
    let digits = u8::try_from(digits).unwrap_or(0);
    let precision = (1 + precision - scale + digits).min(MAX_DECIMAL_PRECISION);
    TypeRoot::Decimal { precision, scale: digits }
}

/// Keeps the integer part where a result has more than 38 digits, at the cost of the scale.
fn adjust(precision: i32, scale: i32) -> TypeRoot {
    let most = i32::from(MAX_DECIMAL_PRECISION);
    let (precision, scale) = if precision <= most {
        (precision, scale)
    } else {
        let least_scale = scale.min(LEAST_ADJUSTED_SCALE);
        (most, (most - (precision - scale)).max(least_scale))
    };
    let digits = |number: i32| u8::try_from(number).unwrap_or(MAX_DECIMAL_PRECISION);
    TypeRoot::Decimal { precision: digits(precision), scale: digits(scale) }
}
