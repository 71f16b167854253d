//! Equality of ARRAY, MAP, MULTISET and ROW values.
//!
//! Elements of arrays and values of maps that are both NULL are equal; a field that is NULL makes
//! the comparison of rows unknown, as in Flink.

use argus_base::{LogicalType, TypeRoot};
use argus_plan::ScalarFunction as F;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, Scalar};
use arrow_ord::cmp;

use super::{Binding, Kernel};

/// ARRAY, MAP, MULTISET or ROW.
pub(super) fn is_nested(root: &TypeRoot) -> bool {
    matches!(
        root,
        TypeRoot::Array(_) | TypeRoot::Map(..) | TypeRoot::Multiset(_) | TypeRoot::Row(_)
    )
}

/// The kernel of `=` and `<>`.
pub(super) fn compare(binding: &Binding<'_>) -> Kernel {
    let root = binding.type_of(0).root.clone();
    let is_negated = binding.function == F::NotEqual;
    Box::new(move |call| {
        let (a, b) = (&call.arguments[0], &call.arguments[1]);
        let at = |is_constant: bool, row: usize| if is_constant { 0 } else { row };
        call.try_booleans(|row| {
            let (i, j) = (at(a.is_constant(), row), at(b.is_constant(), row));
            let equal = equal(&root, (a.array(), i), (b.array(), j));
            Ok(equal.map(|equal| equal != is_negated))
        })
    })
}

/// Whether two values that are not NULL are equal; `None` where that is unknown.
pub(super) fn equal(
    root: &TypeRoot,
    (a, i): (&ArrayRef, usize),
    (b, j): (&ArrayRef, usize),
) -> Option<bool> {
    match root {
        TypeRoot::Array(element) => {
            let (a, b) = (a.as_list::<i32>().value(i), b.as_list::<i32>().value(j));
            let same = |k| same(element, (&a, k), (&b, k));
            Some(a.len() == b.len() && (0..a.len()).all(same))
        }
        TypeRoot::Map(key, value) => Some(equal_maps((key, value), (a, i), (b, j))),
        TypeRoot::Multiset(element) => {
            Some(equal_maps((element, &TypeRoot::Int.not_null()), (a, i), (b, j)))
        }
        TypeRoot::Row(fields) => {
            let (a, b) = (a.as_struct(), b.as_struct());
            let mut is_known = true;
            for (k, field) in fields.iter().enumerate() {
                let (a, b) = (a.column(k), b.column(k));
                let is_null = a.is_null(i) || b.is_null(j);
                match (!is_null).then(|| equal(&field.logical_type.root, (a, i), (b, j))).flatten()
                {
                    Some(true) => {}
                    Some(false) => return Some(false),
                    None => is_known = false,
                }
            }
            is_known.then_some(true)
        }
        TypeRoot::Float => Some(
            a.as_primitive::<Float32Type>().value(i) == b.as_primitive::<Float32Type>().value(j),
        ),
        TypeRoot::Double => Some(
            a.as_primitive::<Float64Type>().value(i) == b.as_primitive::<Float64Type>().value(j),
        ),
        _ => {
            let (a, b) = (Scalar::new(a.slice(i, 1)), Scalar::new(b.slice(j, 1)));
            cmp::eq(&a, &b).ok().map(|equal| equal.value(0))
        }
    }
}

/// Whether two values are equal or both NULL.
pub(super) fn same(
    logical_type: &LogicalType,
    (a, i): (&ArrayRef, usize),
    (b, j): (&ArrayRef, usize),
) -> bool {
    match (a.is_null(i), b.is_null(j)) {
        (true, true) => true,
        (false, false) => equal(&logical_type.root, (a, i), (b, j)) == Some(true),
        _ => false,
    }
}

fn equal_maps(
    (key, value): (&LogicalType, &LogicalType),
    (a, i): (&ArrayRef, usize),
    (b, j): (&ArrayRef, usize),
) -> bool {
    let (a, b) = (a.as_map().value(i), b.as_map().value(j));
    let has_entry = |k: usize| {
        (0..b.len()).any(|l| {
            same(key, (a.column(0), k), (b.column(0), l))
                && same(value, (a.column(1), k), (b.column(1), l))
        })
    };
    a.len() == b.len() && (0..a.len()).all(has_entry)
}
