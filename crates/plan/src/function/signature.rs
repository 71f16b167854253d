//! What the `resolve` functions of the table are made of: checking arguments and naming the types
//! that they are cast to.

use argus_base::{LogicalType, TypeRoot};

use super::{Argument, Resolved};

/// What an argument may be, and what it is cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// CHAR or VARCHAR, as it is.
    Text,
    /// BINARY or VARBINARY, as it is.
    Bytes,
    /// Text or bytes, as it is.
    TextOrBytes,
    /// Any integer, as INT.
    Int,
    /// Any integer, as BIGINT.
    BigInt,
    /// Any number, as it is.
    Numeric,
    /// Any number, as DOUBLE.
    Double,
    /// BOOLEAN.
    Boolean,
    /// DATE, TIME, TIMESTAMP or TIMESTAMP_LTZ, as it is.
    DateTime,
    /// TIMESTAMP or TIMESTAMP_LTZ, as it is.
    Timestamp,
    /// ARRAY, as it is.
    Array,
    /// MAP, as it is.
    Map,
    /// Anything but a bare NULL, as it is.
    Any,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Text => "a character string",
            Kind::Bytes => "a binary string",
            Kind::TextOrBytes => "a character or binary string",
            Kind::Int | Kind::BigInt => "an integer",
            Kind::Numeric | Kind::Double => "a number",
            Kind::Boolean => "a BOOLEAN",
            Kind::DateTime => "a date, time or timestamp",
            Kind::Timestamp => "a timestamp",
            Kind::Array => "an ARRAY",
            Kind::Map => "a MAP",
            Kind::Any => "a value with a type",
        }
    }

    /// The type that a value of type `root` is cast to; `None` where it is not of this kind.
    fn cast(self, root: &TypeRoot) -> Option<TypeRoot> {
        let fits = match self {
            Kind::Text => root.is_character(),
            Kind::Bytes => root.is_binary(),
            Kind::TextOrBytes => root.is_character() || root.is_binary(),
            Kind::Int | Kind::BigInt => root.is_integer(),
            Kind::Numeric | Kind::Double => root.is_numeric(),
            Kind::Boolean => *root == TypeRoot::Boolean,
            Kind::DateTime => is_datetime(root),
            Kind::Timestamp => root.is_timestamp(),
            Kind::Array => matches!(root, TypeRoot::Array(_)),
            Kind::Map => matches!(root, TypeRoot::Map(..)),
            Kind::Any => *root != TypeRoot::Null,
        };
        fits.then(|| match self {
            Kind::Int => TypeRoot::Int,
            Kind::BigInt => TypeRoot::BigInt,
            Kind::Double => TypeRoot::Double,
            _ => root.clone(),
        })
    }
}

/// DATE, TIME, TIMESTAMP or TIMESTAMP_LTZ.
pub(super) fn is_datetime(root: &TypeRoot) -> bool {
    root.is_timestamp() || matches!(root, TypeRoot::Date | TypeRoot::Time(_))
}

/// INTERVAL of either class.
pub(super) fn is_interval(root: &TypeRoot) -> bool {
    matches!(root, TypeRoot::IntervalYearMonth | TypeRoot::IntervalDayTime)
}

/// Checks arguments against `required` and then as many of `optional` as there are.
pub(super) fn take(
    arguments: &[Argument<'_>],
    required: &[Kind],
    optional: &[Kind],
) -> Result<Vec<LogicalType>, String> {
    let kinds: Vec<Kind> = required.iter().chain(optional).copied().collect();
    count(arguments, required.len(), kinds.len())?;
    let pairs = arguments.iter().zip(kinds).enumerate();
    pairs.map(|(i, (argument, kind))| check(i, argument, kind)).collect()
}

/// Checks `first` and then any number of `rest`, at least `least` in all.
pub(super) fn take_many(
    arguments: &[Argument<'_>],
    first: &[Kind],
    rest: Kind,
    least: usize,
) -> Result<Vec<LogicalType>, String> {
    count(arguments, least, usize::MAX)?;
    let kinds = first.iter().copied().chain(std::iter::repeat(rest));
    let pairs = arguments.iter().zip(kinds).enumerate();
    pairs.map(|(i, (argument, kind))| check(i, argument, kind)).collect()
}

/// Checks the number of arguments, both ends inclusive.
pub(super) fn count(arguments: &[Argument<'_>], least: usize, most: usize) -> Result<(), String> {
    let n_arguments = arguments.len();
    if (least..=most).contains(&n_arguments) {
        return Ok(());
    }
    let expected = match (least, most) {
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) if least == most => format!("{least}"),
        (least, most) => format!("{least} to {most}"),
    };
    Err(format!("expected {expected} arguments, found {n_arguments}"))
}

fn check(i: usize, argument: &Argument<'_>, kind: Kind) -> Result<LogicalType, String> {
    let found = argument.logical_type;
    if let Some(root) = kind.cast(&found.root) {
        return Ok(root.materialized().with_nullable_of(found));
    }
    let number = i + 1;
    if found.root == TypeRoot::Null {
        return Err(format!("argument {number} is an untyped NULL; write CAST(NULL AS type)"));
    }
    Err(format!("argument {number} must be {}, but is {found}", kind.words()))
}

/// Builds a type of a root with the nullability of another type.
pub(super) trait WithNullableOf {
    /// The root with the nullability of `other`.
    fn with_nullable_of(self, other: &LogicalType) -> LogicalType;
}

impl WithNullableOf for TypeRoot {
    fn with_nullable_of(self, other: &LogicalType) -> LogicalType {
        LogicalType { root: self, nullable: other.nullable }
    }
}

/// A result that is nullable where an argument is.
pub(super) fn propagate(arguments: Vec<LogicalType>, root: TypeRoot) -> Result<Resolved, String> {
    let nullable = arguments.iter().any(|argument| argument.nullable);
    Ok(Resolved { result: LogicalType { root, nullable }, arguments })
}

/// A result that is always nullable.
pub(super) fn nullable(arguments: Vec<LogicalType>, root: TypeRoot) -> Result<Resolved, String> {
    Ok(Resolved { arguments, result: root.nullable() })
}

/// A result that is never NULL.
pub(super) fn not_null(arguments: Vec<LogicalType>, root: TypeRoot) -> Result<Resolved, String> {
    Ok(Resolved { arguments, result: root.not_null() })
}

/// Length of a CHAR, VARCHAR, BINARY or VARBINARY; 0 for other types.
pub(super) fn length(root: &TypeRoot) -> u32 {
    match root {
        TypeRoot::Char(length)
        | TypeRoot::VarChar(length)
        | TypeRoot::Binary(length)
        | TypeRoot::VarBinary(length) => *length,
        _ => 0,
    }
}
