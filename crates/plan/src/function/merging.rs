//! The common type of several types, by the rules of Flink's `LogicalTypeMerging`.

use argus_base::logical_type::{Field, MAX_DECIMAL_PRECISION};
use argus_base::{LogicalType, TypeRoot};

use super::conversion::implicit_root_cast_allowed;
use super::decimal;
use super::signature::{is_datetime, is_interval, length};

/// The type that all of `types` can be cast to without loss: of COALESCE, IFNULL, GREATEST and
/// LEAST (Flink's `LogicalTypeMerging`). Nullable where one of them is. `None` where there is
/// none, and where all are bare NULLs. Time attributes stay only where all types are the same.
pub fn least_common_type(types: &[&LogicalType]) -> Option<LogicalType> {
    let roots = typed_roots(types);
    let root = generalize(&roots).or_else(|| castable(&roots))?;
    Some(LogicalType { root, nullable: any_nullable(types) })
}

/// The common type of CASE, IF, UNION, VALUES, constructors and comparisons (the planner's
/// `leastRestrictive`). It differs from [`least_common_type`] where the first of FLOAT and DOUBLE,
/// or of TIMESTAMP and TIMESTAMP_LTZ, decides, and where a DATE meets a TIMESTAMP: no type.
pub fn least_restrictive_type(types: &[&LogicalType]) -> Option<LogicalType> {
    let roots = typed_roots(types);
    let mut root = (*roots.first()?).clone();
    for next in &roots[1..] {
        root = if root == **next { root } else { restrict_pair(&root, next)? };
    }
    Some(LogicalType { root, nullable: any_nullable(types) })
}

fn typed_roots<'a>(types: &[&'a LogicalType]) -> Vec<&'a TypeRoot> {
    types.iter().map(|each| &each.root).filter(|root| **root != TypeRoot::Null).collect()
}

fn any_nullable(types: &[&LogicalType]) -> bool {
    types.iter().any(|logical_type| logical_type.nullable)
}

fn restrict_pair(a: &TypeRoot, b: &TypeRoot) -> Option<TypeRoot> {
    match (a, b) {
        _ if a.is_approximate() && b.is_approximate() => Some(a.clone()),
        (TypeRoot::Timestamp { .. }, TypeRoot::TimestampLtz { .. }) => {
            let precision = timestamp_precision(a)?.max(timestamp_precision(b)?);
            Some(TypeRoot::timestamp(precision))
        }
        _ => generalize_pair(a, b),
    }
}

fn generalize(roots: &[&TypeRoot]) -> Option<TypeRoot> {
    let mut result = (*roots.first()?).clone();
    for root in &roots[1..] {
        result = if result == **root { result } else { generalize_pair(&result, root)? };
    }
    Some(result)
}

fn generalize_pair(a: &TypeRoot, b: &TypeRoot) -> Option<TypeRoot> {
    let is_shifted = |datetime: &TypeRoot, by: &TypeRoot| {
        let is_dated = datetime.is_timestamp() || *datetime == TypeRoot::Date;
        let is_exact = decimal::of(by).is_some();
        (is_datetime(datetime) && is_interval(by)) || (is_dated && is_exact)
    };
    match (a, b) {
        (TypeRoot::Array(a), TypeRoot::Array(b)) => Some(TypeRoot::Array(child(a, b)?)),
        (TypeRoot::Multiset(a), TypeRoot::Multiset(b)) => Some(TypeRoot::Multiset(child(a, b)?)),
        (TypeRoot::Map(a, c), TypeRoot::Map(b, d)) => {
            Some(TypeRoot::Map(child(a, b)?, child(c, d)?))
        }
        (TypeRoot::Row(a), TypeRoot::Row(b)) => generalize_rows(a, b),
        (TypeRoot::Time(p), TypeRoot::Time(q)) => Some(TypeRoot::Time(*p.max(q))),
        _ if is_shifted(a, b) => Some(a.materialized()),
        _ if is_shifted(b, a) => Some(b.materialized()),
        _ if a.is_character() && b.is_character() => Some(generalize_strings(a, b)),
        _ if a.is_binary() && b.is_binary() => Some(generalize_strings(a, b)),
        _ if a.is_numeric() && b.is_numeric() => Some(generalize_numbers(a, b)),
        _ if a.is_timestamp() && b.is_timestamp() => generalize_timestamps(a, b),
        _ => None,
    }
}

fn child(a: &LogicalType, b: &LogicalType) -> Option<Box<LogicalType>> {
    least_common_type(&[a, b]).map(Box::new)
}

fn generalize_rows(a: &[Field], b: &[Field]) -> Option<TypeRoot> {
    if a.len() != b.len() {
        return None;
    }
    let fields = a.iter().zip(b).map(|(a, b)| {
        let common = least_common_type(&[&a.logical_type, &b.logical_type])?;
        Some(Field::new(a.name.clone(), common))
    });
    fields.collect::<Option<Vec<Field>>>().map(TypeRoot::Row)
}

/// Fixed lengths that differ become a variable length, so that nothing is padded.
fn generalize_strings(a: &TypeRoot, b: &TypeRoot) -> TypeRoot {
    let longest = length(a).max(length(b));
    match (a, b) {
        (TypeRoot::Char(n), TypeRoot::Char(m)) if n == m => TypeRoot::Char(*n),
        (TypeRoot::Binary(n), TypeRoot::Binary(m)) if n == m => TypeRoot::Binary(*n),
        _ if a.is_character() => TypeRoot::VarChar(longest),
        _ => TypeRoot::VarBinary(longest),
    }
}

/// The type that two numbers are computed in: that of the first of FLOAT and DOUBLE.
pub(super) fn arithmetic_type(a: &TypeRoot, b: &TypeRoot) -> TypeRoot {
    let both = a.is_approximate() && b.is_approximate();
    if both { a.clone() } else { generalize_numbers(a, b) }
}

/// The type that holds two numbers.
fn generalize_numbers(a: &TypeRoot, b: &TypeRoot) -> TypeRoot {
    let is_decimal = |root: &TypeRoot| matches!(root, TypeRoot::Decimal { .. });
    if a.is_approximate() || b.is_approximate() {
        let is_double = *a == TypeRoot::Double || *b == TypeRoot::Double;
        let is_wide = is_double || is_decimal(a) || is_decimal(b);
        return if is_wide { TypeRoot::Double } else { TypeRoot::Float };
    }
    let (Some((p1, s1)), Some((p2, s2))) = (decimal::of(a), decimal::of(b)) else {
        return TypeRoot::Double;
    };
    if !is_decimal(a) && !is_decimal(b) {
        return if p1 >= p2 { a.clone() } else { b.clone() };
    }
    let digits = (p1 - s1).max(p2 - s2);
    let scale = s1.max(s2).min(MAX_DECIMAL_PRECISION - digits);
    TypeRoot::Decimal { precision: digits + scale, scale }
}

fn generalize_timestamps(a: &TypeRoot, b: &TypeRoot) -> Option<TypeRoot> {
    let precision = timestamp_precision(a)?.max(timestamp_precision(b)?);
    let is_local = |root: &TypeRoot| matches!(root, TypeRoot::TimestampLtz { .. });
    Some(if is_local(a) || is_local(b) {
        TypeRoot::timestamp_ltz(precision)
    } else {
        TypeRoot::timestamp(precision)
    })
}

/// Fraction digits of a timestamp.
pub(super) fn timestamp_precision(root: &TypeRoot) -> Option<u8> {
    match root {
        TypeRoot::Timestamp { precision, .. } | TypeRoot::TimestampLtz { precision, .. } => {
            Some(*precision)
        }
        _ => None,
    }
}

fn castable(roots: &[&TypeRoot]) -> Option<TypeRoot> {
    let mut result = *roots.first()?;
    for root in roots {
        if implicit_root_cast_allowed(result, root) {
            result = root;
        } else if !implicit_root_cast_allowed(root, result) {
            return None;
        }
    }
    Some(result.materialized())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(types: &[TypeRoot], expected: &str) {
        let types: Vec<LogicalType> = types.iter().cloned().map(TypeRoot::nullable).collect();
        let types: Vec<&LogicalType> = types.iter().collect();
        let found = least_common_type(&types).map_or("none".to_owned(), |found| found.to_string());
        assert_eq!(found, expected);
    }

    #[test]
    fn common_types_are_flinks() {
        use TypeRoot::*;
        let decimal = |precision, scale| Decimal { precision, scale };
        check(&[Int, BigInt], "BIGINT");
        check(&[Int, decimal(5, 2)], "DECIMAL(12, 2)");
        check(&[decimal(38, 10), BigInt], "DECIMAL(38, 10)");
        check(&[decimal(5, 2), Float], "DOUBLE");
        check(&[BigInt, Float], "FLOAT");
        check(&[Char(1), Char(3)], "VARCHAR(3)");
        check(&[Char(3), VarChar(5)], "VARCHAR(5)");
        check(&[Binary(3), VarBinary(5)], "VARBINARY(5)");
        check(&[TypeRoot::timestamp(3), TypeRoot::timestamp_ltz(6)], "TIMESTAMP_LTZ(6)");
        check(&[Date, TypeRoot::timestamp(3)], "DATE");
        check(&[Int, Date], "DATE");
        check(&[Int, TypeRoot::STRING], "none");
        check(&[Null, Int], "INT");
        check(&[Null, Null], "none");
        check(&[Boolean, Int], "none");
    }

    #[test]
    fn constructed_types_generalize_by_child() {
        let array = |root: TypeRoot| TypeRoot::Array(Box::new(root.not_null()));
        check(&[array(TypeRoot::Int), array(TypeRoot::BigInt)], "ARRAY<BIGINT NOT NULL>");
    }
}
