//! Which casts exist, implicit and explicit, by the rules of Flink's `LogicalTypeCasts` as its
//! code generator carries them out.

use argus_base::{LogicalType, TypeRoot};

use super::signature::{is_datetime, is_interval};

/// Whether a query's column of type `from` may go into a sink's column of type `to`: widening
/// without loss only. Nullability at the top is ignored, since the sink enforces it; that of
/// elements and fields counts.
pub fn implicit_cast_allowed(from: &LogicalType, to: &LogicalType) -> bool {
    implicit_root_cast_allowed(&from.root, &to.root)
}

/// Whether CAST and TRY_CAST convert `from` to `to`. Nullability at the top is ignored.
pub fn explicit_cast_allowed(from: &LogicalType, to: &LogicalType) -> bool {
    explicit_root_cast_allowed(&from.root, &to.root)
}

pub(super) fn implicit_root_cast_allowed(from: &TypeRoot, to: &TypeRoot) -> bool {
    let (from, to) = (&from.materialized(), &to.materialized());
    if from == to || *from == TypeRoot::Null {
        return true;
    }
    match (from, to) {
        (TypeRoot::Char(_), TypeRoot::Char(_)) | (TypeRoot::Binary(_), TypeRoot::Binary(_)) => true,
        (_, TypeRoot::VarChar(_)) => from.is_character(),
        (_, TypeRoot::VarBinary(_)) => from.is_binary(),
        (_, TypeRoot::Decimal { .. } | TypeRoot::Double) => from.is_numeric(),
        (_, TypeRoot::Float) => from.is_numeric() && *from != TypeRoot::Double,
        (_, TypeRoot::SmallInt | TypeRoot::Int | TypeRoot::BigInt) => {
            from.is_integer() && integer_rank(from) <= integer_rank(to)
        }
        (TypeRoot::Timestamp { .. }, TypeRoot::Date | TypeRoot::Time(_)) => true,
        (TypeRoot::Time(_), TypeRoot::Time(_)) => true,
        _ if from.is_timestamp() && to.is_timestamp() => true,
        _ => children_allowed(from, to, implicit_root_cast_allowed),
    }
}

fn explicit_root_cast_allowed(from: &TypeRoot, to: &TypeRoot) -> bool {
    if implicit_root_cast_allowed(from, to) {
        return true;
    }
    let is_number = |root: &TypeRoot| root.is_numeric() || *root == TypeRoot::Boolean;
    if to.is_character() {
        return *from != TypeRoot::Null;
    }
    if to.is_binary() {
        return from.is_character() || from.is_binary();
    }
    if is_number(to) {
        return is_number(from) || from.is_character();
    }
    match to {
        TypeRoot::Date => from.is_timestamp() || from.is_character(),
        TypeRoot::Time(_) => from.is_timestamp() || from.is_character(),
        TypeRoot::Timestamp { .. } | TypeRoot::TimestampLtz { .. } => {
            is_datetime(from) || from.is_character()
        }
        _ if is_interval(to) => from.is_integer(),
        _ => children_allowed(from, to, explicit_root_cast_allowed),
    }
}

fn integer_rank(root: &TypeRoot) -> u8 {
    match root {
        TypeRoot::TinyInt => 0,
        TypeRoot::SmallInt => 1,
        TypeRoot::Int => 2,
        _ => 3,
    }
}

/// Whether both are constructed alike and `allowed` holds for each pair of children; a nullable
/// child does not fit into a NOT NULL one.
fn children_allowed(
    from: &TypeRoot,
    to: &TypeRoot,
    allowed: fn(&TypeRoot, &TypeRoot) -> bool,
) -> bool {
    let fits = |from: &LogicalType, to: &LogicalType| {
        (to.nullable || !from.nullable) && allowed(&from.root, &to.root)
    };
    match (from, to) {
        (TypeRoot::Array(a), TypeRoot::Array(b)) => fits(a, b),
        (TypeRoot::Multiset(a), TypeRoot::Multiset(b)) => fits(a, b),
        (TypeRoot::Map(a, c), TypeRoot::Map(b, d)) => fits(a, b) && fits(c, d),
        (TypeRoot::Row(a), TypeRoot::Row(b)) => {
            let fields = || a.iter().zip(b);
            a.len() == b.len() && fields().all(|(a, b)| fits(&a.logical_type, &b.logical_type))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_take_widening_only() {
        let allowed = implicit_root_cast_allowed;
        assert!(allowed(&TypeRoot::TinyInt, &TypeRoot::BigInt));
        assert!(allowed(&TypeRoot::Double, &TypeRoot::Decimal { precision: 5, scale: 2 }));
        assert!(allowed(&TypeRoot::timestamp(3), &TypeRoot::Date));
        assert!(allowed(&TypeRoot::timestamp(3), &TypeRoot::timestamp_ltz(6)));
        assert!(!allowed(&TypeRoot::BigInt, &TypeRoot::Int));
        assert!(!allowed(&TypeRoot::Int, &TypeRoot::STRING));
        assert!(!allowed(&TypeRoot::Double, &TypeRoot::Float));
        assert!(!allowed(&TypeRoot::timestamp_ltz(3), &TypeRoot::Date));
    }

    #[test]
    fn casts_between_numbers_and_timestamps_are_refused() {
        assert!(!explicit_root_cast_allowed(&TypeRoot::BigInt, &TypeRoot::timestamp(3)));
        assert!(!explicit_root_cast_allowed(&TypeRoot::timestamp(3), &TypeRoot::BigInt));
        assert!(explicit_root_cast_allowed(&TypeRoot::Boolean, &TypeRoot::Int));
        assert!(explicit_root_cast_allowed(&TypeRoot::Time(0), &TypeRoot::timestamp(3)));
        assert!(!explicit_root_cast_allowed(&TypeRoot::Date, &TypeRoot::Time(0)));
    }
}
