//! The function table: the one declaration of every scalar function and operator, read by the
//! binder (names, types), the engine (null and error rules), and the reference pages.
//!
//! One file a family, each with a `SPECS` table. Operators are entries under their symbol
//! (`+`, `=`, `LIKE`, `IS NULL`). AND, OR, CASE, IF, COALESCE, IFNULL, NULLIF, CAST and TRY_CAST
//! are not here: they evaluate lazily or have syntax of their own, and are kinds of
//! [`Expression`](crate::Expression).

mod arithmetic;
mod comparison;

use argus_base::LogicalType;
use argus_base::nearest::nearest;

use crate::expression::Literal;

/// A scalar function or operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table documents each under its SQL name")]
pub enum ScalarFunction {
    Plus,
    Minus,
    Equal,
}

/// What the table says of a function.
pub struct FunctionSpec {
    /// Which.
    pub function: ScalarFunction,
    /// SQL name in upper case, or the operator's symbol.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// For the reference: `SUBSTRING(string FROM start [FOR length])`.
    pub signature: &'static str,
    /// For the reference: one sentence, ranges and errors included.
    pub help: &'static str,
    /// What NULL arguments do.
    pub nulls: NullRule,
    /// Whether it can fail on some row; a fallible function is evaluated only for rows that
    /// need it.
    pub is_fallible: bool,
    /// Whether the same arguments always give the same result.
    pub is_deterministic: bool,
    /// The types it takes and gives for arguments of these types.
    pub resolve: fn(&[Argument<'_>]) -> Result<Resolved, String>,
}

/// What NULL arguments do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullRule {
    /// Any NULL argument gives NULL; the kernel never sees one.
    Propagate,
    /// The kernel decides.
    Custom,
}

/// An argument as the binder has it.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'a> {
    /// Its type.
    pub logical_type: &'a LogicalType,
    /// Its value, where it is a constant.
    pub literal: Option<&'a Literal>,
}

/// The types of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What each argument is cast to before the call; roots matter, nullability is the argument's
    /// own.
    pub arguments: Vec<LogicalType>,
    /// Type of the result, nullability included.
    pub result: LogicalType,
}

/// All families.
const FAMILIES: &[&[FunctionSpec]] = &[arithmetic::SPECS, comparison::SPECS];

/// Every function, family by family.
pub fn all() -> impl Iterator<Item = &'static FunctionSpec> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The function of that name, in any case.
pub fn lookup(name: &str) -> Option<&'static FunctionSpec> {
    let is_name = |known: &&str| known.eq_ignore_ascii_case(name);
    all().find(|spec| is_name(&spec.name) || spec.aliases.iter().any(|alias| is_name(&alias)))
}

/// The known name nearest to an unknown one.
pub fn nearest_name(name: &str) -> Option<&'static str> {
    nearest(
        name,
        all().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied())),
    )
}

impl ScalarFunction {
    /// Its entry of the table.
    pub fn spec(self) -> &'static FunctionSpec {
        all().find(|spec| spec.function == self).expect("every function stands in the table")
    }
}
