//! Comparison, tests for NULL and truth, NOT, GREATEST and LEAST.

use argus_base::{LogicalType, TypeRoot};

use super::merging::least_common_type;
use super::signature::{Kind, count, not_null, propagate, take};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};

const ORDER: &str = "NULL where an operand is NULL. NaN is equal to itself and above all numbers.";
const NEVER_NULL: &str = "Never NULL.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(F::Equal, "=", "a = b", ORDER, compare),
    FunctionSpec::new(F::NotEqual, "<>", "a <> b", ORDER, compare).aliases(&["!="]),
    FunctionSpec::new(F::Less, "<", "a < b", ORDER, compare),
    FunctionSpec::new(F::LessOrEqual, "<=", "a <= b", ORDER, compare),
    FunctionSpec::new(F::Greater, ">", "a > b", ORDER, compare),
    FunctionSpec::new(F::GreaterOrEqual, ">=", "a >= b", ORDER, compare),
    FunctionSpec::new(
        F::IsDistinctFrom,
        "IS DISTINCT FROM",
        "a IS DISTINCT FROM b",
        "NULL is equal to NULL and to nothing else.",
        distinct,
    )
    .custom_nulls(),
    FunctionSpec::new(
        F::IsNotDistinctFrom,
        "IS NOT DISTINCT FROM",
        "a IS NOT DISTINCT FROM b",
        "NULL is equal to NULL and to nothing else.",
        distinct,
    )
    .custom_nulls(),
    FunctionSpec::new(
        F::In,
        "IN",
        "a IN (b, …)",
        "Three-valued: NULL where no operand is equal and one of them is NULL.",
        is_in,
    )
    .custom_nulls(),
    FunctionSpec::new(F::IsNull, "IS NULL", "a IS NULL", NEVER_NULL, any_test)
        .aliases(&["IS UNKNOWN"])
        .custom_nulls(),
    FunctionSpec::new(F::IsNotNull, "IS NOT NULL", "a IS NOT NULL", NEVER_NULL, any_test)
        .aliases(&["IS NOT UNKNOWN"])
        .custom_nulls(),
    FunctionSpec::new(F::IsTrue, "IS TRUE", "a IS TRUE", NEVER_NULL, truth_test).custom_nulls(),
    FunctionSpec::new(F::IsNotTrue, "IS NOT TRUE", "a IS NOT TRUE", NEVER_NULL, truth_test)
        .custom_nulls(),
    FunctionSpec::new(F::IsFalse, "IS FALSE", "a IS FALSE", NEVER_NULL, truth_test).custom_nulls(),
    FunctionSpec::new(F::IsNotFalse, "IS NOT FALSE", "a IS NOT FALSE", NEVER_NULL, truth_test)
        .custom_nulls(),
    FunctionSpec::new(F::Not, "NOT", "NOT a", "NULL where a is NULL.", not),
    FunctionSpec::new(
        F::Greatest,
        "GREATEST",
        "GREATEST(a, …)",
        "NULL where any argument is NULL.",
        extreme,
    ),
    FunctionSpec::new(
        F::Least,
        "LEAST",
        "LEAST(a, …)",
        "NULL where any argument is NULL.",
        extreme,
    ),
];

/// The type that operands of a comparison are compared in: the common type, or for text and
/// something else the type of the other, with what a bare NULL is compared to.
fn comparison_type(types: &[&LogicalType]) -> Option<TypeRoot> {
    if let Some(common) = least_common_type(types) {
        let has_date = types.iter().any(|each| each.root == TypeRoot::Date);
        let all_dates =
            types.iter().all(|each| matches!(each.root, TypeRoot::Date | TypeRoot::Null));
        return (has_date == all_dates || types.len() == 1).then(|| common.root.materialized());
    }
    let mut others = types.iter().filter(|each| !each.root.is_character());
    let all_null = types.iter().all(|each| each.root == TypeRoot::Null);
    if all_null {
        return Some(TypeRoot::Boolean);
    }
    let atomic = |root: &TypeRoot| {
        root.is_numeric()
            || root.is_timestamp()
            || matches!(root, TypeRoot::Boolean | TypeRoot::Date | TypeRoot::Time(_))
    };
    let other = others.next().filter(|other| atomic(&other.root))?;
    let rest: Vec<&LogicalType> = others.copied().chain([*other]).collect();
    least_common_type(&rest).map(|common| common.root.materialized())
}

fn cast_all(arguments: &[Argument<'_>], verb: &str) -> Result<Vec<LogicalType>, String> {
    let types: Vec<&LogicalType> = arguments.iter().map(|each| each.logical_type).collect();
    let Some(root) = comparison_type(&types) else {
        let names: Vec<String> = types.iter().map(|each| each.to_string()).collect();
        return Err(format!("cannot {verb} {}", names.join(" with ")));
    };
    Ok(types
        .iter()
        .map(|each| LogicalType { root: root.clone(), nullable: each.nullable })
        .collect())
}

fn compare(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, 2)?;
    propagate(cast_all(arguments, "compare")?, TypeRoot::Boolean)
}

fn distinct(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, 2)?;
    not_null(cast_all(arguments, "compare")?, TypeRoot::Boolean)
}

fn is_in(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, usize::MAX)?;
    propagate(cast_all(arguments, "compare")?, TypeRoot::Boolean)
}

fn any_test(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, 1)?;
    not_null(vec![arguments[0].logical_type.clone()], TypeRoot::Boolean)
}

fn truth_test(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    not_null(take(arguments, &[Kind::Boolean], &[])?, TypeRoot::Boolean)
}

fn not(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    propagate(take(arguments, &[Kind::Boolean], &[])?, TypeRoot::Boolean)
}

fn extreme(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, usize::MAX)?;
    let types: Vec<&LogicalType> = arguments.iter().map(|each| each.logical_type).collect();
    let common = least_common_type(&types).ok_or("the arguments have no common type")?;
    let constructed = |root: &TypeRoot| {
        matches!(
            root,
            TypeRoot::Array(_) | TypeRoot::Map(..) | TypeRoot::Multiset(_) | TypeRoot::Row(_)
        )
    };
    if constructed(&common.root) {
        return Err(format!("values of type {common} have no order"));
    }
    let root = common.root.materialized();
    let cast = |each: &&LogicalType| LogicalType { root: root.clone(), nullable: each.nullable };
    propagate(types.iter().map(cast).collect(), root.clone())
}
