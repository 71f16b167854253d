//! CAST and TRY_CAST between any two types that the plan allows.
//!
//! A conversion is chosen once by the pair of types. A value that cannot be converted is a data
//! error of CAST and NULL of TRY_CAST; a DECIMAL that overflows is NULL of both.

pub(crate) mod decimal;
mod length;
mod nested;
mod number;
pub(crate) mod parse;
pub(crate) mod text;
mod time;

use argus_base::{Error, LogicalType, Result, TypeRoot};
use arrow_array::{Array, ArrayRef, new_null_array};
use jiff::tz::TimeZone;

/// What a conversion does to an array.
pub(crate) type Apply = Box<dyn Fn(&ArrayRef) -> Result<ArrayRef> + Send + Sync>;

/// A conversion between two types.
pub(crate) struct Conversion {
    apply: Apply,
    is_costly: bool,
}

impl Conversion {
    /// The conversion from one type to another in a session zone.
    pub(crate) fn new(
        from: &LogicalType,
        to: &LogicalType,
        is_try: bool,
        zone: &TimeZone,
    ) -> Result<Conversion> {
        let pair = Pair { from: &from.root, to: &to.root, is_try, zone };
        let is_number = |root: &TypeRoot| root.is_numeric() || *root == TypeRoot::Boolean;
        let is_cheap = pair.is_identity() || (is_number(pair.from) && is_number(pair.to));
        Ok(Conversion { apply: pair.choose()?, is_costly: !is_cheap })
    }

    /// The converted values.
    pub(crate) fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        (self.apply)(array)
    }

    /// Whether it may fail or costs much more than selecting rows.
    pub(crate) fn is_costly(&self) -> bool {
        self.is_costly
    }
}

/// The types of a conversion and how it is meant.
#[derive(Clone, Copy)]
struct Pair<'a> {
    from: &'a TypeRoot,
    to: &'a TypeRoot,
    is_try: bool,
    zone: &'a TimeZone,
}

impl Pair<'_> {
    /// Whether every value of the one type is the same value of the other.
    fn is_identity(&self) -> bool {
        let (from, to) = (self.from.materialized(), self.to.materialized());
        match (&from, &to) {
            (TypeRoot::Char(n) | TypeRoot::VarChar(n), TypeRoot::VarChar(m))
            | (TypeRoot::Binary(n) | TypeRoot::VarBinary(n), TypeRoot::VarBinary(m)) => n <= m,
            _ => from == to,
        }
    }

    fn choose(self) -> Result<Apply> {
        use TypeRoot as T;
        let (from, to) = (self.from, self.to);
        if self.is_identity() {
            return Ok(Box::new(|array| Ok(array.clone())));
        }
        let is_number = |root: &TypeRoot| root.is_numeric() || *root == T::Boolean;
        Ok(match to {
            _ if *from == T::Null => {
                let data_type = to.clone().nullable().to_arrow();
                Box::new(move |array| Ok(new_null_array(&data_type, array.len())))
            }
            _ if to.is_character() => text::to_text(self),
            _ if to.is_binary() => length::to_binary(self),
            _ if is_number(to) && from.is_character() => parse::to_number(self),
            _ if is_number(to) && is_number(from) => number::convert(from, to, self.is_try),
            T::Date | T::Time(_) | T::Timestamp { .. } | T::TimestampLtz { .. } => {
                time::to_datetime(self)?
            }
            T::IntervalYearMonth | T::IntervalDayTime if from.is_integer() => {
                time::to_interval(from, to)
            }
            _ => nested::convert(self)?,
        })
    }

    fn unknown(&self) -> Error {
        let (from, to) = (self.from.clone().nullable(), self.to.clone().nullable());
        Error::bug(format!("no conversion from {from} to {to}"))
    }
}

/// A value that CAST refuses.
pub(crate) fn refused(value: &str, to: &TypeRoot) -> Error {
    let to = to.clone().nullable();
    Error::data("AR4005", format!("cannot cast '{value}' to {to}"))
}

/// The conversion between two numbers.
pub(super) fn convert_number(from: &TypeRoot, to: &TypeRoot) -> Apply {
    number::convert(from, to, false)
}
