//! Turns the text of a field into a value of its column, as Flink's converters do.
//!
//! Numbers, booleans, timestamps and base64 may have white space around them; decimals, dates
//! and times may not. A DATE is lenient, as `java.sql.Date.valueOf` is: one digit will do for
//! the month and the day, and February 30 is March 1. A TIME loses the digits past its
//! precision. ARRAYs and ROWs are their elements with a delimiter between them; of blanks alone
//! an ARRAY is empty, and a ROW is NULL.

use argus_base::{LogicalType, TypeRoot};

use super::super::base64_text;
use super::super::column::{Column, Values};
use super::super::number::{
    Decimal, parse_decimal, parse_double, parse_float, parse_integer, trim,
};
use super::super::problem::{Outcome, Problem};
use super::super::temporal::{Standard, day_of, parse_iso_time, parse_timestamp};
use super::record::Text;

/// What converting needs besides the column.
pub(super) struct Converter {
    pub element_delimiter: Vec<u8>,
    pub null_literal: Option<Vec<u8>>,
    pub ignore_parse_errors: bool,
}

/// What a type says that its column does not.
pub(super) enum Plan {
    Leaf,
    /// The milliseconds a TIME's last digit stands for.
    Time(i32),
    Array(Box<Plan>),
    /// For each wanted field of a ROW its position and plan, and how many fields there are.
    Row {
        wanted: Vec<(usize, Plan)>,
        n_fields: usize,
    },
}

impl Plan {
    /// The plan of a type that is read whole.
    pub fn new(logical_type: &LogicalType) -> Plan {
        match &logical_type.root {
            TypeRoot::Time(precision) => Plan::Time(match precision {
                0 => 1000,
                1 => 100,
                2 => 10,
                _ => 1,
            }),
            TypeRoot::Array(element) => Plan::Array(Box::new(Plan::new(element))),
            TypeRoot::Row(fields) => {
                let wanted = fields.iter().map(|field| Plan::new(&field.logical_type));
                Plan::Row { wanted: wanted.enumerate().collect(), n_fields: fields.len() }
            }
            _ => Plan::Leaf,
        }
    }
}

impl Converter {
    /// Appends the value of a field.
    pub fn field(&self, data: &[u8], text: &Text, plan: &Plan, column: &mut Column) -> Outcome<()> {
        let length = column.len();
        let outcome = self.value(data, text, plan, column);
        let Err(problem) = outcome else { return Ok(()) };
        column.truncate(length);
        if self.ignore_parse_errors && column.push_null() { Ok(()) } else { Err(problem) }
    }

    /// Appends the NULL of a field that is not there.
    pub fn absent(column: &mut Column) -> Outcome<()> {
        let pushed = column.push_null();
        if pushed { Ok(()) } else { Err(Problem::value("NULL, but the type is NOT NULL")) }
    }

    fn value(&self, data: &[u8], text: &Text, plan: &Plan, column: &mut Column) -> Outcome<()> {
        match plan {
            Plan::Array(plan) => return self.array(data, text, plan, column),
            Plan::Row { wanted, n_fields } => {
                return self.row(data, text, (wanted, *n_fields), column);
            }
            Plan::Leaf | Plan::Time(_) => {}
        }
        let bytes = text.bytes(data);
        if self.null_literal.as_deref() == Some(bytes) {
            return Converter::absent(column);
        }
        match &mut column.values {
            Values::Text(views) => match text {
                Text::Shared(range) => views.push_shared(data, range.start, range.end),
                Text::Owned(bytes) if views.push_copied(bytes) => {}
                Text::Owned(_) => return Err(Problem::value("too much text in one batch")),
            },
            Values::Decimal { unscaled, precision, scale } => {
                match parse_decimal(bytes, *precision, *scale) {
                    Decimal::Value(value) => unscaled.push(value),
                    Decimal::Overflow => return Converter::absent(column),
                    Decimal::Malformed => return Err(mismatch("DECIMAL", bytes)),
                }
            }
            values => number_or_time(values, bytes, plan)?,
        }
        column.mark_valid();
        Ok(())
    }

    fn array(&self, data: &[u8], text: &Text, plan: &Plan, column: &mut Column) -> Outcome<()> {
        let Values::List { element, .. } = &mut column.values else {
            unreachable!("an ARRAY is a list")
        };
        for item in self.elements(data, text) {
            self.field(data, &item, plan, element)?;
        }
        column.mark_valid();
        Ok(())
    }

    fn row(
        &self,
        data: &[u8],
        text: &Text,
        (wanted, n_fields): (&[(usize, Plan)], usize),
        column: &mut Column,
    ) -> Outcome<()> {
        let items = self.elements(data, text);
        if items.is_empty() {
            return Converter::absent(column);
        }
        if items.len() < n_fields && !self.ignore_parse_errors {
            let n_items = items.len();
            return Err(Problem::value(format!("expected {n_fields} fields, found {n_items}")));
        }
        let Values::Row(columns) = &mut column.values else { unreachable!("a ROW is a row") };
        for ((index, plan), column) in wanted.iter().zip(columns) {
            match items.get(*index) {
                Some(item) => self.field(data, item, plan, column)?,
                None => Converter::absent(column)?,
            }
        }
        column.mark_valid();
        Ok(())
    }

    /// The elements of an array or row. Blanks alone are none.
    fn elements(&self, data: &[u8], text: &Text) -> Vec<Text> {
        let bytes = text.bytes(data);
        if trim(bytes).is_empty() {
            return Vec::new();
        }
        let mut elements = Vec::new();
        let mut start = 0;
        let ends = memchr::memmem::find_iter(bytes, &self.element_delimiter);
        for end in ends.chain([bytes.len()]) {
            elements.push(match text {
                Text::Shared(range) => Text::Shared(range.start + start..range.start + end),
                Text::Owned(_) => Text::Owned(bytes[start..end].to_vec()),
            });
            start = end + self.element_delimiter.len();
        }
        elements
    }
}

fn number_or_time(values: &mut Values, bytes: &[u8], plan: &Plan) -> Outcome<()> {
    let integer = |name, min: i64, max: i64| {
        let value = parse_integer(trim(bytes)).filter(|value| (min..=max).contains(value));
        value.ok_or_else(|| mismatch(name, bytes))
    };
    let int = || integer("INT", i64::from(i32::MIN), i64::from(i32::MAX));
    match values {
        Values::Boolean(values) => values.append(trim(bytes).eq_ignore_ascii_case(b"true")),
        Values::TinyInt(values) => values.push(integer("TINYINT", -128, 127)? as i8),
        Values::SmallInt(values) => values.push(integer("SMALLINT", -32_768, 32_767)? as i16),
        Values::Int(values) | Values::IntervalMonths(values) => values.push(int()? as i32),
        Values::BigInt(values) | Values::IntervalMillis(values) => {
            values.push(integer("BIGINT", i64::MIN, i64::MAX)?);
        }
        Values::Float(values) => {
            values.push(parse_float(trim(bytes)).ok_or_else(|| mismatch("FLOAT", bytes))?);
        }
        Values::Double(values) => {
            values.push(parse_double(trim(bytes)).ok_or_else(|| mismatch("DOUBLE", bytes))?);
        }
        Values::Date(values) => {
            values.push(lenient_date(bytes).ok_or_else(|| mismatch("DATE 'yyyy-MM-dd'", bytes))?);
        }
        Values::Time(values) => {
            let millis = parse_iso_time(bytes).ok_or_else(|| mismatch("TIME 'HH:mm:ss'", bytes))?;
            let step = if let Plan::Time(step) = plan { *step } else { 1 };
            values.push(millis / step * step);
        }
        Values::Timestamp { values, unit, local } => {
            let parsed = parse_timestamp(trim(bytes), Standard::Sql, *local);
            let zone = if *local { "Z" } else { "" };
            let expected = format!("a timestamp 'yyyy-MM-dd HH:mm:ss[.fraction]{zone}'");
            let value = parsed.and_then(|timestamp| timestamp.to_unit(*unit));
            values.push(value.ok_or_else(|| mismatch(&expected, bytes))?);
        }
        Values::Bytes(views) => {
            let decoded = base64_text::decode(trim(bytes));
            let decoded = decoded.ok_or_else(|| mismatch("BYTES as base64 text", bytes))?;
            if !views.push_copied(&decoded) {
                return Err(Problem::value("too much text in one batch"));
            }
        }
        Values::Null(n_nulls) => *n_nulls += 1,
        _ => unreachable!("the schema was checked"),
    }
    Ok(())
}

/// Days since 1970-01-01 of a year of four digits, and a month and a day of one or two.
fn lenient_date(text: &[u8]) -> Option<i32> {
    let mut parts = text.split(|byte| *byte == b'-');
    let mut part = |min: usize, max: usize| {
        let digits = parts.next().filter(|part| (min..=max).contains(&part.len()))?;
        if digits.iter().all(u8::is_ascii_digit) { parse_integer(digits) } else { None }
    };
    let (year, month, day) = (part(4, 4)?, part(1, 2)?, part(1, 2)?);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && parts.next().is_none();
    if is_date { i32::try_from(day_of(year, month, 1) + day - 1).ok() } else { None }
}

fn mismatch(expected: &str, found: &[u8]) -> Box<Problem> {
    Problem::value(format!("expected {expected}, found '{}'", super::super::excerpt(found)))
}
