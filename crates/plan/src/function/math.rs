//! Numeric functions.

use argus_base::TypeRoot;

use super::signature::{Kind, not_null, propagate, take};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F, decimal};
use crate::expression::Literal;

const DOUBLE: &str = "Computed in DOUBLE.";
const NAN: &str = "NaN outside -1 to 1.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(F::Abs, "ABS", "ABS(x)", "The least integer stays as it is.", same),
    FunctionSpec::new(F::Power, "POWER", "POWER(x, y)", DOUBLE, two_doubles),
    FunctionSpec::new(F::Sqrt, "SQRT", "SQRT(x)", "NaN below zero.", double),
    FunctionSpec::new(F::Ln, "LN", "LN(x)", "Natural logarithm.", double),
    FunctionSpec::new(F::Log10, "LOG10", "LOG10(x)", "Logarithm to base 10.", double),
    FunctionSpec::new(F::Log2, "LOG2", "LOG2(x)", "Logarithm to base 2.", double),
    FunctionSpec::new(F::Log, "LOG", "LOG([base, ]x)", "Logarithm; natural without a base.", log),
    FunctionSpec::new(F::Exp, "EXP", "EXP(x)", "e to the power of x.", double),
    FunctionSpec::new(F::Ceil, "CEIL", "CEIL(x)", "Least integer at or above x.", whole)
        .aliases(&["CEILING"]),
    FunctionSpec::new(F::Floor, "FLOOR", "FLOOR(x)", "Greatest integer at or below x.", whole),
    FunctionSpec::new(F::Sin, "SIN", "SIN(x)", DOUBLE, double),
    FunctionSpec::new(F::Sinh, "SINH", "SINH(x)", DOUBLE, double),
    FunctionSpec::new(F::Cos, "COS", "COS(x)", DOUBLE, double),
    FunctionSpec::new(F::Cosh, "COSH", "COSH(x)", DOUBLE, double),
    FunctionSpec::new(F::Tan, "TAN", "TAN(x)", DOUBLE, double),
    FunctionSpec::new(F::Tanh, "TANH", "TANH(x)", DOUBLE, double),
    FunctionSpec::new(F::Cot, "COT", "COT(x)", DOUBLE, double),
    FunctionSpec::new(F::Asin, "ASIN", "ASIN(x)", NAN, double),
    FunctionSpec::new(F::Acos, "ACOS", "ACOS(x)", NAN, double),
    FunctionSpec::new(F::Atan, "ATAN", "ATAN(x)", DOUBLE, double),
    FunctionSpec::new(F::Atan2, "ATAN2", "ATAN2(y, x)", "Angle of the point (x, y).", two_doubles),
    FunctionSpec::new(F::Degrees, "DEGREES", "DEGREES(x)", "Radians to degrees.", double),
    FunctionSpec::new(F::Radians, "RADIANS", "RADIANS(x)", "Degrees to radians.", double),
    FunctionSpec::new(F::Sign, "SIGN", "SIGN(x)", "-1, 0 or 1 in the type of x.", same),
    FunctionSpec::new(F::Round, "ROUND", "ROUND(x[, digits])", "Half away from zero.", round)
        .fallible(),
    FunctionSpec::new(F::Truncate, "TRUNCATE", "TRUNCATE(x[, digits])", "Toward zero.", round)
        .fallible(),
    FunctionSpec::new(F::Pi, "PI", "PI()", "3.141592653589793.", constant),
    FunctionSpec::new(F::E, "E", "E()", "2.718281828459045.", constant),
    FunctionSpec::new(F::Rand, "RAND", "RAND()", "At least 0.0, below 1.0.", rand).volatile(),
    FunctionSpec::new(
        F::RandInteger,
        "RAND_INTEGER",
        "RAND_INTEGER(bound)",
        "At least 0, below the bound, which must be positive.",
        rand_integer,
    )
    .fallible()
    .volatile(),
];

fn same(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let arguments = take(arguments, &[Kind::Numeric], &[])?;
    let root = arguments[0].root.clone();
    propagate(arguments, root)
}

fn double(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    propagate(take(arguments, &[Kind::Double], &[])?, TypeRoot::Double)
}

fn two_doubles(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    propagate(take(arguments, &[Kind::Double, Kind::Double], &[])?, TypeRoot::Double)
}

fn log(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    propagate(take(arguments, &[Kind::Double], &[Kind::Double])?, TypeRoot::Double)
}

fn whole(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let arguments = take(arguments, &[Kind::Numeric], &[])?;
    let root = match arguments[0].root {
        TypeRoot::Decimal { precision, .. } => TypeRoot::Decimal { precision, scale: 0 },
        ref other => other.clone(),
    };
    propagate(arguments, root)
}

fn round(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[Kind::Numeric], &[Kind::Int])?;
    let root = taken[0].root.clone();
    let digits = match arguments.get(1).map(|digits| digits.literal) {
        None => Some(0),
        Some(Some(Literal::Integer(digits))) => Some(*digits),
        Some(_) => None,
    };
    let root = match (&root, digits) {
        (TypeRoot::Decimal { precision, scale }, Some(digits)) => {
            decimal::round((*precision, *scale), digits)
        }
        _ => root,
    };
    propagate(taken, root)
}

fn constant(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    not_null(take(arguments, &[], &[])?, TypeRoot::Double)
}

fn rand(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    if !arguments.is_empty() {
        return Err("RAND with a seed is not supported".to_owned());
    }
    not_null(Vec::new(), TypeRoot::Double)
}

fn rand_integer(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    if arguments.len() > 1 {
        return Err("RAND_INTEGER with a seed is not supported".to_owned());
    }
    propagate(take(arguments, &[Kind::Int], &[])?, TypeRoot::Int)
}
