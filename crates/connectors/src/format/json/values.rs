//! Turns one JSON value into one value of its column, with Flink's leniency.
//!
//! | column | takes |
//! |---|---|
//! | BOOLEAN | `true`, `false`; of anything else, whether its text is "true" in any case |
//! | TINYINT, SMALLINT | whole numbers, also as text |
//! | INT, BIGINT | the same, and fractions, which are cut off |
//! | FLOAT, DOUBLE, DECIMAL | numbers, also as text; a DECIMAL with too many digits is NULL |
//! | CHAR, VARCHAR | text; numbers and literals as they stand; objects and arrays as JSON |
//! | BINARY, VARBINARY | base64 |
//! | DATE, TIME, timestamps | text of the formats in `temporal` |
//! | ARRAY; MAP, MULTISET, ROW | arrays; objects. The last of equal names wins |
//!
//! Flink's streaming parser loses its place where an object or array stands in a column of
//! another type, and reads on inside it; here it is one bad value, skipped as a whole. It also
//! stops looking at names once it has seen as many as it wants, so of equal names there the
//! first may win.

use argus_base::{Field, LogicalType, TypeRoot};
use arrow_schema::TimeUnit;

use super::super::base64_text;
use super::super::column::{Column, Values};
use super::super::keys::last_of_equal_keys;
use super::super::number::{
    Decimal, parse_decimal, parse_double, parse_float, parse_integer, trim,
};
use super::super::problem::{Outcome, Problem};
use super::super::temporal::{Standard, parse_date, parse_time, parse_timestamp};
use super::super::views::Views;
use super::cursor::{Cursor, unescape};
use super::names::{Names, Place};
use super::text::{Fractions, write_compact};

/// What the options say about decoding.
#[derive(Clone, Copy)]
pub(super) struct DecodeOptions {
    pub fail_on_missing_field: bool,
    pub ignore_parse_errors: bool,
    pub standard: Standard,
    pub fractions: Fractions,
}

/// What reading a type needs besides its column.
pub(super) enum Plan {
    Leaf,
    Array(Box<Plan>),
    Map(Box<Plan>),
    Row(RowPlan),
}

/// The wanted fields of an object.
pub(super) struct RowPlan {
    names: Names,
    plans: Vec<Plan>,
}

impl RowPlan {
    /// For the wanted fields, in order.
    pub fn new(fields: &[Field]) -> RowPlan {
        let names = fields.iter().map(|field| field.name.as_bytes().into()).collect();
        let plans = fields.iter().map(|field| Plan::new(&field.logical_type)).collect();
        RowPlan { names: Names::new(names), plans }
    }
}

impl Plan {
    fn new(logical_type: &LogicalType) -> Plan {
        match &logical_type.root {
            TypeRoot::Array(element) => Plan::Array(Box::new(Plan::new(element))),
            TypeRoot::Map(_, value) => Plan::Map(Box::new(Plan::new(value))),
            TypeRoot::Multiset(_) => Plan::Map(Box::new(Plan::Leaf)),
            TypeRoot::Row(fields) => Plan::Row(RowPlan::new(fields)),
            _ => Plan::Leaf,
        }
    }
}

/// Reads values of one message.
pub(super) struct Reader<'a> {
    pub cursor: Cursor<'a>,
    pub options: DecodeOptions,
}

/// An integer type as JSON columns take it.
struct IntegerKind {
    name: &'static str,
    min: i64,
    max: i64,
    takes_fractions: bool,
}

const TINYINT: IntegerKind =
    IntegerKind { name: "TINYINT", min: -(1 << 7), max: (1 << 7) - 1, takes_fractions: false };
const SMALLINT: IntegerKind =
    IntegerKind { name: "SMALLINT", min: -(1 << 15), max: (1 << 15) - 1, takes_fractions: false };
const INT: IntegerKind =
    IntegerKind { name: "INT", min: -(1 << 31), max: (1 << 31) - 1, takes_fractions: true };
const BIGINT: IntegerKind =
    IntegerKind { name: "BIGINT", min: i64::MIN, max: i64::MAX, takes_fractions: true };

impl Reader<'_> {
    /// Reads an object as row number `length` of the columns, which are the plan's fields.
    pub fn row(
        &mut self,
        plan: &mut RowPlan,
        columns: &mut [Column],
        length: usize,
    ) -> Outcome<()> {
        if self.cursor.peek() != b'{' {
            return Err(self.mismatch("an object"));
        }
        self.cursor.at += 1;
        let mut n_set = 0;
        let mut has_next = !self.cursor.is_empty(b'}');
        let mut place = Place::default();
        while has_next {
            self.cursor.expect(b'"', "a field name")?;
            let target = plan.names.read(&mut self.cursor, &mut place)?;
            self.cursor.colon()?;
            match target {
                None => self.cursor.skip_value()?,
                Some(target) => {
                    let column = &mut columns[target];
                    if column.len() == length {
                        n_set += 1;
                    } else {
                        column.truncate(length);
                    }
                    let outcome = self.nullable(&mut plan.plans[target], column);
                    outcome.map_err(|problem| problem.in_field(plan.names.name(target)))?;
                }
            }
            has_next = self.cursor.has_next(b'}')?;
        }
        if n_set < columns.len() {
            self.missing_fields(plan, columns, length)?;
        }
        Ok(())
    }

    fn missing_fields(&self, plan: &RowPlan, columns: &mut [Column], length: usize) -> Outcome<()> {
        for (target, column) in columns.iter_mut().enumerate() {
            if column.len() > length {
                continue;
            }
            let problem = if self.options.fail_on_missing_field {
                "missing, and fail-on-missing-field is set"
            } else if !column.push_null() {
                "missing, but its type is NOT NULL"
            } else {
                continue;
            };
            return Err(Problem::value(problem).in_field(plan.names.name(target)));
        }
        Ok(())
    }

    /// Appends the value that is next, or NULL for `null` and for what parse errors are ignored.
    #[inline]
    fn nullable(&mut self, plan: &mut Plan, column: &mut Column) -> Outcome<()> {
        if self.cursor.peek() == b'n' {
            self.cursor.literal("null")?;
            return if column.push_null() { Ok(()) } else { Err(not_null("null")) };
        }
        if !self.options.ignore_parse_errors {
            return self.value(plan, column);
        }
        let (start, length) = (self.cursor.at, column.len());
        match self.value(plan, column) {
            Err(problem) if !problem.is_syntax => {
                column.truncate(length);
                self.cursor.at = start;
                self.cursor.skip_value()?;
                if column.push_null() { Ok(()) } else { Err(problem) }
            }
            outcome => outcome,
        }
    }

    #[inline]
    fn value(&mut self, plan: &mut Plan, column: &mut Column) -> Outcome<()> {
        let length = column.len();
        match &mut column.values {
            Values::Text(views) => self.text(views)?,
            Values::BigInt(values) => values.push(self.integer(&BIGINT)?),
            Values::Int(values) => values.push(self.integer(&INT)? as i32),
            Values::SmallInt(values) => values.push(self.integer(&SMALLINT)? as i16),
            Values::TinyInt(values) => values.push(self.integer(&TINYINT)? as i8),
            Values::Boolean(values) => values.append(self.boolean()?),
            Values::Double(values) => values.push(self.double()?),
            Values::Float(values) => values.push(self.float()?),
            Values::Decimal { unscaled, precision, scale } => {
                let (precision, scale) = (*precision, *scale);
                match self.decimal(precision, scale)? {
                    Some(value) => unscaled.push(value),
                    None if column.push_null() => return Ok(()),
                    None => return Err(not_null("a number with too many digits")),
                }
            }
            Values::Timestamp { values, unit, local } => {
                values.push(self.timestamp(*unit, *local)?);
            }
            Values::Date(values) => values.push(self.parsed("DATE 'yyyy-MM-dd'", parse_date)?),
            Values::Time(values) => values.push(self.parsed("TIME 'HH:mm:ss'", parse_time)?),
            Values::IntervalMonths(values) => values.push(self.integer(&INT)? as i32),
            Values::IntervalMillis(values) => values.push(self.integer(&BIGINT)?),
            Values::Bytes(views) => self.bytes(views)?,
            Values::Null(n_nulls) => {
                self.cursor.skip_value()?;
                *n_nulls += 1;
            }
            Values::List { element, .. } => self.array(plan, element)?,
            Values::Map { keys, values, .. } => self.map(plan, keys, values)?,
            Values::Row(columns) => match plan {
                Plan::Row(plan) => self.row(plan, columns, length)?,
                _ => unreachable!("a ROW has the plan of a row"),
            },
        }
        column.mark_valid();
        Ok(())
    }

    #[inline]
    fn integer(&mut self, kind: &IntegerKind) -> Outcome<i64> {
        let (start, mut at) = (self.cursor.at, self.cursor.at);
        let negative = self.cursor.peek() == b'-';
        at += usize::from(negative);
        let first = at;
        let mut value: i64 = 0;
        // Eighteen digits cannot overflow.
        while at < self.cursor.end && at - first < 18 {
            let digit = self.cursor.data[at].wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + i64::from(digit);
            at += 1;
        }
        self.cursor.at = at;
        let plain = at > first && (value == 0) == (self.cursor.data[first] == b'0');
        let only = plain && (value != 0 || at - first == 1);
        let ended = matches!(self.cursor.peek(), b',' | b'}' | b']' | b' ' | b'\n' | b'\r');
        let value = if negative { -value } else { value };
        if only && ended && (kind.min..=kind.max).contains(&value) {
            return Ok(value);
        }
        self.cursor.at = start;
        self.unusual_integer(kind)
    }

    #[cold]
    fn unusual_integer(&mut self, kind: &IntegerKind) -> Outcome<i64> {
        let before = self.cursor;
        let value = match self.cursor.peek() {
            b'-' | b'0'..=b'9' => {
                let token = self.cursor.number()?;
                let text = self.cursor.slice(token.start, token.end);
                if token.is_float { truncated(text, kind) } else { parse_integer(text) }
            }
            b'"' => self.scalar_text(|text| parse_integer(trim(text)))?,
            _ => None,
        };
        let in_range = value.filter(|value| (kind.min..=kind.max).contains(value));
        in_range.ok_or_else(|| mismatch(&before, kind.name))
    }

    fn boolean(&mut self) -> Outcome<bool> {
        match self.cursor.peek() {
            b't' => self.cursor.literal("true").map(|()| true),
            b'f' => self.cursor.literal("false").map(|()| false),
            b'"' => self.scalar_text(|text| trim(text).eq_ignore_ascii_case(b"true")),
            _ => self.cursor.skip_value().map(|()| false),
        }
    }

    fn double(&mut self) -> Outcome<f64> {
        self.parsed("DOUBLE", |text| parse_double(trim(text)))
    }

    fn float(&mut self) -> Outcome<f32> {
        self.parsed("FLOAT", |text| parse_float(trim(text)))
    }

    /// `None` where the number has too many digits.
    fn decimal(&mut self, precision: u8, scale: u8) -> Outcome<Option<i128>> {
        self.parsed("DECIMAL", |text| match parse_decimal(trim(text), precision, scale) {
            Decimal::Value(value) => Some(Some(value)),
            Decimal::Overflow => Some(None),
            Decimal::Malformed => None,
        })
    }

    #[inline]
    fn timestamp(&mut self, unit: TimeUnit, local: bool) -> Outcome<i64> {
        let standard = self.options.standard;
        let expected = match (standard, local) {
            (Standard::Sql, false) => "TIMESTAMP 'yyyy-MM-dd HH:mm:ss[.fraction]'",
            (Standard::Sql, true) => "TIMESTAMP_LTZ 'yyyy-MM-dd HH:mm:ss[.fraction]Z'",
            (Standard::Iso8601, false) => "TIMESTAMP 'yyyy-MM-ddTHH:mm[:ss[.fraction]]'",
            (Standard::Iso8601, true) => "TIMESTAMP_LTZ 'yyyy-MM-ddTHH:mm[:ss[.fraction]]Z'",
        };
        self.parsed(expected, |text| parse_timestamp(text, standard, local)?.to_unit(unit))
    }

    /// A value whose text, quoted or not, a function understands.
    #[inline]
    fn parsed<T>(&mut self, expected: &str, parse: impl Fn(&[u8]) -> Option<T>) -> Outcome<T> {
        let before = self.cursor;
        let value = match before.peek() {
            b'{' | b'[' => None,
            _ => self.scalar_text(parse)?,
        };
        value.ok_or_else(|| mismatch(&before, expected))
    }

    /// Gives the text of a string, number or literal to a function.
    #[inline]
    fn scalar_text<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let start = self.cursor.at;
        if self.cursor.peek() != b'"' {
            self.cursor.skip_value()?;
            return Ok(take(self.cursor.slice(start, self.cursor.at)));
        }
        let token = self.cursor.string()?;
        let raw = self.cursor.slice(token.start, token.end);
        if !token.is_escaped {
            return Ok(take(raw));
        }
        let mut text = Vec::new();
        unescape(raw, &mut text);
        Ok(take(&text))
    }

    #[inline]
    fn text(&mut self, views: &mut Views) -> Outcome<()> {
        let start = self.cursor.at;
        match self.cursor.peek() {
            b'"' => {
                let token = self.cursor.string()?;
                if token.is_escaped {
                    let mut text = Vec::new();
                    unescape(self.cursor.slice(token.start, token.end), &mut text);
                    return push_copied(views, &text);
                }
                views.push_shared(self.cursor.data, token.start, token.end);
            }
            b'{' | b'[' => {
                let mut text = Vec::new();
                write_compact(&mut self.cursor, self.options.fractions, &mut text)?;
                return push_copied(views, &text);
            }
            _ => {
                self.cursor.skip_value()?;
                views.push_shared(self.cursor.data, start, self.cursor.at);
            }
        }
        Ok(())
    }

    fn bytes(&mut self, views: &mut Views) -> Outcome<()> {
        let before = self.cursor;
        if self.cursor.peek() != b'"' {
            return Err(self.mismatch("BYTES as base64 text"));
        }
        let decoded = self.scalar_text(base64_text::decode)?;
        match decoded {
            Some(bytes) => push_copied(views, &bytes),
            None => Err(mismatch(&before, "BYTES as base64 text")),
        }
    }

    fn array(&mut self, plan: &mut Plan, elements: &mut Column) -> Outcome<()> {
        let Plan::Array(plan) = plan else { unreachable!("an ARRAY has the plan of an array") };
        if self.cursor.peek() != b'[' {
            return Err(self.mismatch("an array"));
        }
        self.cursor.at += 1;
        let mut has_next = !self.cursor.is_empty(b']');
        while has_next {
            self.nullable(plan, elements)?;
            has_next = self.cursor.has_next(b']')?;
        }
        Ok(())
    }

    /// Finds all entries before it reads their values: of equal keys only the last has one.
    fn map(&mut self, plan: &mut Plan, keys: &mut Column, values: &mut Column) -> Outcome<()> {
        let Plan::Map(plan) = plan else { unreachable!("a MAP has the plan of a map") };
        if self.cursor.peek() != b'{' {
            return Err(self.mismatch("an object"));
        }
        self.cursor.at += 1;
        let mut entries: Vec<(Vec<u8>, usize)> = Vec::new();
        let mut has_next = !self.cursor.is_empty(b'}');
        while has_next {
            let key = self.scalar_text(<[u8]>::to_vec)?;
            self.cursor.colon()?;
            entries.push((key, self.cursor.at));
            self.cursor.skip_value()?;
            has_next = self.cursor.has_next(b'}')?;
        }
        let end = self.cursor.at;
        for (key, at) in last_of_equal_keys(entries) {
            let Values::Text(views) = &mut keys.values else { unreachable!("keys are text") };
            push_copied(views, &key)?;
            keys.mark_valid();
            self.cursor.at = at;
            let outcome = self.nullable(plan, values);
            outcome.map_err(|problem| problem.in_field(&key))?;
        }
        self.cursor.at = end;
        Ok(())
    }

    fn mismatch(&self, expected: &str) -> Box<Problem> {
        mismatch(&self.cursor, expected)
    }
}

fn push_copied(views: &mut Views, value: &[u8]) -> Outcome<()> {
    let pushed = views.push_copied(value);
    if pushed { Ok(()) } else { Err(Problem::value("too much text in one batch")) }
}

/// A fraction cut off, as Jackson does: through a double.
fn truncated(text: &[u8], kind: &IntegerKind) -> Option<i64> {
    let value = parse_double(text)?;
    let fits = value >= kind.min as f64 && value <= kind.max as f64;
    (kind.takes_fractions && fits).then_some(value as i64)
}

fn not_null(found: &str) -> Box<Problem> {
    Problem::value(format!("expected a value since the type is NOT NULL, found {found}"))
}

#[cold]
#[inline(never)]
fn mismatch(found: &Cursor<'_>, expected: &str) -> Box<Problem> {
    // What is no JSON at all must not pass for a value of the wrong type.
    let mut rest = *found;
    if let Err(problem) = rest.skip_value() {
        return problem;
    }
    Problem::value(format!("expected {expected}, found {}", found.excerpt()))
}
