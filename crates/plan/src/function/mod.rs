//! The function table: the one declaration of every scalar function and operator, read by the
//! binder (names, types), the engine (null and error rules), and the reference pages.
//!
//! One file a family, each with a `SPECS` table. Operators are entries under their symbol
//! (`+`, `=`, `LIKE`, `IS NULL`); syntax that is no call is an entry under its key words
//! (`FLOOR TO`), with a unit or mode as a literal first argument. AND, OR, CASE, IF, COALESCE,
//! IFNULL, NULLIF, CAST and TRY_CAST are not here: they evaluate lazily or have syntax of their
//! own, and are kinds of [`Expression`](crate::Expression).

mod arithmetic;
mod collection;
mod comparison;
mod conversion;
mod decimal;
mod hash;
mod math;
mod merging;
mod not_yet;
mod regex;
mod signature;
mod string;
mod system;
#[cfg(test)]
mod table_tests;
mod temporal;
mod url;

use argus_base::LogicalType;
use argus_base::nearest::nearest;

use crate::expression::Literal;

pub use conversion::{explicit_cast_allowed, implicit_cast_allowed};
pub use merging::{least_common_type, least_restrictive_type};
pub use not_yet::has_not_yet;

/// A scalar function or operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table documents each under its SQL name")]
#[rustfmt::skip]
pub enum ScalarFunction {
    // Arithmetic operators.
    Plus, Minus, Times, Divide, Mod, Negate,
    // Numeric functions.
    Abs, Power, Sqrt, Ln, Log10, Log2, Log, Exp, Ceil, Floor, Sin, Sinh, Cos, Cosh, Tan, Tanh,
    Cot, Asin, Acos, Atan, Atan2, Degrees, Radians, Sign, Round, Truncate, Pi, E, Rand,
    RandInteger,
    // Comparison, tests for NULL and truth, NOT.
    Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, IsDistinctFrom,
    IsNotDistinctFrom, In, IsNull, IsNotNull, IsTrue, IsNotTrue, IsFalse, IsNotFalse, Not,
    Greatest, Least,
    // Strings.
    Like, ConcatOperator, Concat, ConcatWs, Upper, Lower, CharLength, Substring, Trim, Ltrim,
    Rtrim, Btrim, Repeat, Replace, Position, Instr, Locate, Overlay, Lpad, Rpad, Left, Right,
    SplitIndex, Split, StrToMap, Ascii, Chr, Initcap, Reverse, Translate, Elt, StartsWith,
    EndsWith, IsAlpha, IsDecimal, IsDigit,
    // Regular expressions.
    SimilarTo, Regexp, RegexpReplace, RegexpExtract, RegexpExtractAll, RegexpCount, RegexpInstr,
    RegexpSubstr,
    // Hashes and encodings.
    Md5, Sha1, Sha224, Sha256, Sha384, Sha512, Sha2, Hex, Unhex, Bin, ToBase64, FromBase64,
    Encode, Decode,
    // URLs.
    ParseUrl, UrlEncode, UrlDecode,
    // Dates and times.
    Extract, Year, Quarter, Month, Week, DayOfYear, DayOfMonth, DayOfWeek, Hour, Minute, Second,
    FloorTo, CeilTo, TimestampAdd, TimestampDiff, MinusTo, Overlaps, DateFormat, ToDate,
    ToTimestamp, ToTimestampLtz, UnixTimestamp, FromUnixtime, ConvertTz,
    // The clock and the watermark.
    CurrentTimestamp, LocalTimestamp, CurrentDate, LocalTime, Proctime, CurrentWatermark,
    // Rows, arrays and maps.
    Row, Array, Map, ElementAt, Cardinality, Element, ArrayContains, ArrayDistinct, ArrayAppend,
    ArrayPrepend, ArrayConcat, ArrayExcept, ArrayIntersect, ArrayUnion, ArrayJoin, ArrayMax,
    ArrayMin, ArrayPosition, ArrayRemove, ArrayReverse, ArraySlice, ArraySort, MapKeys,
    MapValues, MapEntries, MapFromArrays, MapUnion,
    // System.
    Uuid, Typeof,
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

/// What `resolve` is.
type Resolve = fn(&[Argument<'_>]) -> Result<Resolved, String>;

impl FunctionSpec {
    /// A deterministic function that never fails and gives NULL for NULL.
    const fn new(
        function: ScalarFunction,
        name: &'static str,
        signature: &'static str,
        help: &'static str,
        resolve: Resolve,
    ) -> FunctionSpec {
        FunctionSpec {
            function,
            name,
            aliases: &[],
            signature,
            help,
            nulls: NullRule::Propagate,
            is_fallible: false,
            is_deterministic: true,
            resolve,
        }
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> FunctionSpec {
        self.aliases = aliases;
        self
    }

    const fn fallible(mut self) -> FunctionSpec {
        self.is_fallible = true;
        self
    }

    const fn custom_nulls(mut self) -> FunctionSpec {
        self.nulls = NullRule::Custom;
        self
    }

    const fn volatile(mut self) -> FunctionSpec {
        self.is_deterministic = false;
        self
    }
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
const FAMILIES: &[&[FunctionSpec]] = &[
    arithmetic::SPECS,
    math::SPECS,
    comparison::SPECS,
    string::SPECS,
    regex::SPECS,
    hash::SPECS,
    url::SPECS,
    temporal::SPECS,
    collection::SPECS,
    system::SPECS,
];

/// Every function, family by family.
pub fn all() -> impl Iterator<Item = &'static FunctionSpec> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The function of that name, in any case.
pub fn lookup(name: &str) -> Option<&'static FunctionSpec> {
    let is_name = |known: &&str| known.eq_ignore_ascii_case(name);
    all().find(|spec| is_name(&spec.name) || spec.aliases.iter().any(is_name))
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
