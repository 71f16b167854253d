//! Scalar functions: the plan's table says what exists, here is what it does.
//!
//! One file a family. A function is bound once for its argument types and literals, which gives a
//! kernel; the kernel is called a batch at a time. Semantics are Flink 2.2's, recorded from it in
//! `recorded/`.

mod arithmetic;
pub(crate) mod calendar;
mod call;
mod collection;
mod comparison;
mod datetime;
mod datetime_fields;
mod datetime_format;
mod datetime_pattern;
pub(crate) mod datetime_text;
mod decimal;
mod hash;
mod interval;
mod like;
mod map;
mod math;
mod nested;
mod regex;
mod search;
mod similar;
mod string;
mod system;
mod url;
pub(crate) mod zone;

#[cfg(test)]
mod recorded_tests;

use argus_base::{Error, LogicalType, Result};
use argus_plan::{Expression, Literal, ScalarFunction};
use jiff::tz::TimeZone;

pub(crate) use call::{Call, Kernel};

/// A call before it runs.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'a> {
    pub(crate) function: ScalarFunction,
    /// Of the types that the plan's table asks for.
    pub(crate) arguments: &'a [Expression],
    pub(crate) result: &'a LogicalType,
    /// The session's.
    pub(crate) zone: &'a TimeZone,
}

impl<'a> Binding<'a> {
    /// Type of an argument.
    pub(crate) fn type_of(&self, argument: usize) -> &'a LogicalType {
        &self.arguments[argument].logical_type
    }

    /// A text argument that is a literal.
    pub(crate) fn literal_text(&self, argument: usize) -> Option<&'a str> {
        match self.arguments.get(argument)?.as_literal()? {
            Literal::Text(text) => Some(text),
            _ => None,
        }
    }

    fn unbound(&self) -> Error {
        Error::bug(format!("{} has no kernel for these types", self.function.spec().name))
    }
}

/// The kernel of a call, where it is one of a family's functions.
type Family = fn(&Binding<'_>) -> Result<Option<Kernel>>;

/// The kernel of a call.
pub(crate) fn bind(binding: &Binding<'_>) -> Result<Kernel> {
    const FAMILIES: &[Family] = &[
        arithmetic::bind,
        math::bind,
        comparison::bind,
        string::bind,
        search::bind,
        like::bind,
        regex::bind,
        similar::bind,
        hash::bind,
        url::bind,
        datetime::bind,
        datetime_format::bind,
        interval::bind,
        collection::bind,
        map::bind,
        system::bind,
    ];
    for family in FAMILIES {
        if let Some(kernel) = family(binding)? {
            return Ok(kernel);
        }
    }
    Err(binding.unbound())
}

/// An argument that its function refuses.
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::data("AR4006", message)
}

/// A divisor of zero.
pub(crate) fn division_by_zero() -> Error {
    Error::data("AR4001", "division by zero")
}
