//! The operators `+ - * / %` over numbers, dates, times and intervals.

use argus_base::{LogicalType, TypeRoot};

use super::decimal::{self, Decimal};
use super::merging::arithmetic_type;
use super::signature::{Kind, WithNullableOf, count, is_datetime, is_interval, propagate, take};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};

const WRAPS: &str = "Integers wrap, DECIMAL beyond 38 digits gives NULL.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(F::Plus, "+", "a + b", WRAPS, |a| sum("+", a)),
    FunctionSpec::new(F::Minus, "-", "a - b", WRAPS, |a| sum("-", a)),
    FunctionSpec::new(F::Times, "*", "a * b", WRAPS, times),
    FunctionSpec::new(
        F::Divide,
        "/",
        "a / b",
        "Integers truncate toward zero. Division of an integer or DECIMAL by zero fails.",
        divide,
    )
    .fallible(),
    FunctionSpec::new(
        F::Mod,
        "%",
        "a % b",
        "Remainder with the sign of a. Only exact numbers; a divisor of zero fails.",
        remainder,
    )
    .aliases(&["MOD"])
    .fallible(),
    FunctionSpec::new(F::Negate, "- (unary)", "- a", "The least integer stays as it is.", negate),
];

fn pair<'a>(arguments: &'a [Argument<'a>]) -> Result<(&'a LogicalType, &'a LogicalType), String> {
    count(arguments, 2, 2)?;
    Ok((arguments[0].logical_type, arguments[1].logical_type))
}

fn refused(operator: &str, a: &LogicalType, b: &LogicalType) -> Result<Resolved, String> {
    let hint = match (&a.root, &b.root) {
        (TypeRoot::Null, _) | (_, TypeRoot::Null) => "; write CAST(NULL AS type)",
        (a, b) if operator == "-" && is_datetime(a) && is_datetime(b) => "; use TIMESTAMPDIFF",
        _ => "",
    };
    Err(format!("cannot apply '{operator}' to {a} and {b}{hint}"))
}

fn sum(operator: &str, arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let (a, b) = pair(arguments)?;
    if a.root.is_numeric() && b.root.is_numeric() {
        return numbers(a, b, decimal::add);
    }
    let as_is = || vec![a.materialized(), b.materialized()];
    if is_interval(&b.root) && (is_datetime(&a.root) || a.root == b.root) {
        return propagate(as_is(), a.root.materialized());
    }
    if operator == "+" && is_interval(&a.root) && is_datetime(&b.root) {
        return propagate(as_is(), b.root.materialized());
    }
    refused(operator, a, b)
}

fn times(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let (a, b) = pair(arguments)?;
    if a.root.is_numeric() && b.root.is_numeric() {
        return numbers(a, b, decimal::multiply);
    }
    let factor = |number: &LogicalType| TypeRoot::BigInt.with_nullable_of(number);
    match (is_interval(&a.root), is_interval(&b.root)) {
        (true, false) if b.root.is_integer() => {
            propagate(vec![a.clone(), factor(b)], a.root.clone())
        }
        (false, true) if a.root.is_integer() => {
            propagate(vec![factor(a), b.clone()], b.root.clone())
        }
        _ => refused("*", a, b),
    }
}

fn divide(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let (a, b) = pair(arguments)?;
    if a.root.is_numeric() && b.root.is_numeric() {
        return numbers(a, b, decimal::divide);
    }
    refused("/", a, b)
}

fn remainder(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let (a, b) = pair(arguments)?;
    let (Some(exact_a), Some(exact_b)) = (decimal::of(&a.root), decimal::of(&b.root)) else {
        return refused("%", a, b);
    };
    let is_whole = exact_a.1 == 0 && exact_b.1 == 0;
    let mut resolved = numbers(a, b, decimal::remainder)?;
    if is_whole {
        resolved.result.root = b.root.clone();
    }
    Ok(resolved)
}

fn negate(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, 1)?;
    let argument = arguments[0].logical_type;
    if is_interval(&argument.root) {
        return propagate(vec![argument.clone()], argument.root.clone());
    }
    let arguments = take(arguments, &[Kind::Numeric], &[])?;
    propagate(arguments, argument.root.clone())
}

/// Approximate numbers and integers are computed in their common type; where one is a DECIMAL,
/// both are taken as DECIMAL and `derive` gives the result.
fn numbers(
    a: &LogicalType,
    b: &LogicalType,
    derive: fn(Decimal, Decimal) -> TypeRoot,
) -> Result<Resolved, String> {
    let common = arithmetic_type(&a.root, &b.root);
    let exact = (decimal::of(&a.root), decimal::of(&b.root));
    if let (TypeRoot::Decimal { .. }, (Some(exact_a), Some(exact_b))) = (&common, exact) {
        let of = |(precision, scale)| TypeRoot::Decimal { precision, scale };
        let arguments = vec![of(exact_a).with_nullable_of(a), of(exact_b).with_nullable_of(b)];
        return propagate(arguments, derive(exact_a, exact_b));
    }
    let arguments = vec![common.clone().with_nullable_of(a), common.clone().with_nullable_of(b)];
    propagate(arguments, common)
}
