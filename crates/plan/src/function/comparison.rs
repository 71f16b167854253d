//! Comparison, tests for NULL and truth, NOT, GREATEST and LEAST.

use argus_base::{LogicalType, TypeRoot};

use super::merging::{least_common_type, least_restrictive_type};
use super::signature::{Kind, count, not_null, propagate, take};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};

const ORDER: &str = "NULL where an operand is. NaN is equal to nothing and in no order.";
const NEVER_NULL: &str = "Never NULL.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(F::Equal, "=", "a = b", ORDER, equate),
    FunctionSpec::new(F::NotEqual, "<>", "a <> b", ORDER, equate).aliases(&["!="]),
    FunctionSpec::new(F::Less, "<", "a < b", ORDER, order),
    FunctionSpec::new(F::LessOrEqual, "<=", "a <= b", ORDER, order),
    FunctionSpec::new(F::Greater, ">", "a > b", ORDER, order),
    FunctionSpec::new(F::GreaterOrEqual, ">=", "a >= b", ORDER, order),
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

/// What can be compared with what: values of one class, and text with any scalar class.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Boolean,
    Number,
    Text,
    Binary,
    Date,
    Time,
    Timestamp,
    Other,
}

fn class(root: &TypeRoot) -> Class {
    match root {
        TypeRoot::Boolean => Class::Boolean,
        TypeRoot::Date => Class::Date,
        TypeRoot::Time(_) => Class::Time,
        _ if root.is_numeric() => Class::Number,
        _ if root.is_character() => Class::Text,
        _ if root.is_binary() => Class::Binary,
        _ if root.is_timestamp() => Class::Timestamp,
        _ => Class::Other,
    }
}

/// What kind of comparison: text and numbers have an order, but Flink does not equate them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equality,
    Order,
}

/// The type that operands of a comparison are compared in: the common type, or for text and
/// something else the type of the other.
fn comparison_type(types: &[&LogicalType], relation: Relation) -> Option<TypeRoot> {
    let typed: Vec<&LogicalType> =
        types.iter().filter(|each| each.root != TypeRoot::Null).copied().collect();
    if typed.is_empty() {
        return Some(TypeRoot::Boolean);
    }
    let others: Vec<&LogicalType> =
        typed.iter().filter(|each| !each.root.is_character()).copied().collect();
    let compared = if others.is_empty() { &typed } else { &others };
    let of_first = class(&compared[0].root);
    let has_text = compared.len() < typed.len();
    let same_class = compared.iter().all(|each| class(&each.root) == of_first);
    let takes_text = match of_first {
        Class::Date | Class::Time | Class::Timestamp => true,
        Class::Number => relation == Relation::Order,
        _ => false,
    };
    if !same_class || (has_text && !takes_text) {
        return None;
    }
    let common = match relation {
        Relation::Equality => least_restrictive_type(compared),
        Relation::Order => least_common_type(compared),
    };
    common.map(|common| common.root.materialized())
}

fn cast_all(arguments: &[Argument<'_>], relation: Relation) -> Result<Vec<LogicalType>, String> {
    let types: Vec<&LogicalType> = arguments.iter().map(|each| each.logical_type).collect();
    let is_nested = |root: &TypeRoot| {
        matches!(
            root,
            TypeRoot::Array(_) | TypeRoot::Map(..) | TypeRoot::Multiset(_) | TypeRoot::Row(_)
        )
    };
    let root = comparison_type(&types, relation);
    let root = root.filter(|root| relation == Relation::Equality || !is_nested(root));
    let Some(root) = root else {
        let names: Vec<String> = types.iter().map(|each| each.to_string()).collect();
        let has_text = types.iter().any(|each| each.root.is_character());
        let hint = if has_text { "; use CAST" } else { "" };
        return Err(format!("cannot compare {}{hint}", names.join(" with ")));
    };
    let cast = |each: &&LogicalType| LogicalType { root: root.clone(), nullable: each.nullable };
    Ok(types.iter().map(cast).collect())
}

fn equate(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, 2)?;
    propagate(cast_all(arguments, Relation::Equality)?, TypeRoot::Boolean)
}

fn order(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, 2)?;
    propagate(cast_all(arguments, Relation::Order)?, TypeRoot::Boolean)
}

fn distinct(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, 2)?;
    not_null(cast_all(arguments, Relation::Equality)?, TypeRoot::Boolean)
}

/// Numbers are converted to the type of an integer in front, as Flink does: 2 is in (2.5, 7).
fn is_in(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, usize::MAX)?;
    let types = || arguments.iter().map(|each| each.logical_type);
    let first = arguments[0].logical_type;
    let fits = |each: &LogicalType| each.root.is_numeric() || each.root == TypeRoot::Null;
    if first.root.is_integer() && types().all(fits) {
        let cast = types().map(|each| first.with_nullable(each.nullable));
        return propagate(cast.collect(), TypeRoot::Boolean);
    }
    propagate(cast_all(arguments, Relation::Equality)?, TypeRoot::Boolean)
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
    if constructed(&common.root) || common.root.is_binary() {
        return Err(format!("values of type {common} have no order"));
    }
    let root = common.root.materialized();
    let cast = |each: &&LogicalType| LogicalType { root: root.clone(), nullable: each.nullable };
    propagate(types.iter().map(cast).collect(), root.clone())
}
