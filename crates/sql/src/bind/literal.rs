//! Constants: numbers, texts, dates, timestamps, intervals.

use argus_base::{LogicalType, TypeRoot};
use argus_plan::{Expression, ExpressionKind, Literal, Span};
use jiff::civil::{Date, DateTime, Time};
use sqlparser::ast::{DateTimeField, Expr, Interval, UnaryOperator, Value};

use super::code;
use super::expression::{ExpressionBinder, at};
use crate::diagnostic::Diagnostic;
use crate::types::bind_data_type;

const MILLIS_PER_SECOND: i64 = 1_000;
const MILLIS_PER_DAY: i64 = 86_400_000;

impl ExpressionBinder<'_, '_> {
    /// A constant as written.
    pub fn literal(&self, expression: &Expr) -> Result<Expression, Diagnostic> {
        let span = self.span(expression);
        let value = match expression {
            Expr::Value(value) => value_literal(&value.value, ""),
            Expr::Prefixed { prefix, value } => character_set(&prefix.value, value),
            Expr::TypedString(typed) => {
                let text = typed.value.clone().into_string().unwrap_or_default();
                let to = bind_data_type(&typed.data_type)?;
                typed_literal(&to.root, &text)
            }
            Expr::Interval(interval) => interval_literal(interval),
            _ => Err("not a literal".to_owned()),
        };
        let (literal, logical_type) =
            value.map_err(|why| Diagnostic::wrong(code::LITERAL, span, why))?;
        Ok(at(ExpressionKind::Literal(literal), logical_type, span))
    }

    /// A number with a sign in front, which belongs to it: −2147483648 is an INT.
    pub fn negative_number(&self, number: &Value, span: Span) -> Result<Expression, Diagnostic> {
        let (literal, logical_type) = value_literal(number, "-")
            .map_err(|why| Diagnostic::wrong(code::LITERAL, span, why))?;
        Ok(at(ExpressionKind::Literal(literal), logical_type, span))
    }
}

type Constant = (Literal, LogicalType);

fn value_literal(value: &Value, sign: &str) -> Result<Constant, String> {
    match value {
        Value::Number(digits, false) => number(&format!("{sign}{digits}")),
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text) => {
            let length = u32::try_from(text.chars().count()).map_err(|_| "text is too long")?;
            Ok((Literal::Text(text.as_str().into()), TypeRoot::Char(length).not_null()))
        }
        Value::HexStringLiteral(digits) => {
            let bytes = hex(digits).ok_or("a binary literal has an even number of hex digits")?;
            let length = u32::try_from(bytes.len()).map_err(|_| "binary literal is too long")?;
            Ok((Literal::Bytes(bytes.into()), TypeRoot::Binary(length).not_null()))
        }
        Value::Boolean(value) => Ok((Literal::Boolean(*value), TypeRoot::Boolean.not_null())),
        Value::Null => Ok((Literal::Null, TypeRoot::Null.nullable())),
        other => Err(format!("{other} is no literal of Flink SQL")),
    }
}

/// `_UTF8 'text'`.
fn character_set(name: &str, value: &Expr) -> Result<Constant, String> {
    let known = ["_utf8", "_utf16", "_utf16le", "_utf16be", "_utf32", "_latin1", "_iso_8859_1"];
    let normal = name.to_ascii_lowercase().replace('-', "_");
    match value {
        Expr::Value(text) if known.contains(&normal.as_str()) => value_literal(&text.value, ""),
        _ => Err(format!("'{name}' is no character set")),
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = digits.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

/// INT where it fits, else BIGINT; DECIMAL with a point; DOUBLE with an exponent.
fn number(text: &str) -> Result<Constant, String> {
    if text.contains(['e', 'E']) {
        let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
        let value = value.ok_or_else(|| format!("numeric literal '{text}' is out of range"))?;
        return Ok((Literal::Double(value), TypeRoot::Double.not_null()));
    }
    let Some((whole, fraction)) = text.split_once('.') else {
        let out_of_range = |_| format!("numeric literal '{text}' is out of range");
        let value: i64 = text.parse().map_err(out_of_range)?;
        let root = if i32::try_from(value).is_ok() { TypeRoot::Int } else { TypeRoot::BigInt };
        return Ok((Literal::Integer(value), root.not_null()));
    };
    let out_of_range = || format!("numeric literal '{text}' has more than 38 digits");
    let unscaled: i128 = format!("{whole}{fraction}").parse().map_err(|_| out_of_range())?;
    let n_digits = unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    // A written zero before the point is a digit: 0.5 is DECIMAL(2, 1), .5 is DECIMAL(1, 1).
    let n_digits = (n_digits as usize).max(fraction.len() + usize::from(!whole.is_empty()));
    let (Ok(precision), Ok(scale)) = (u8::try_from(n_digits), u8::try_from(fraction.len())) else {
        return Err(out_of_range());
    };
    if precision > argus_base::logical_type::MAX_DECIMAL_PRECISION {
        return Err(out_of_range());
    }
    let root =
        if scale == 0 { return number(&unscaled.to_string()) } else { decimal(precision, scale) };
    Ok((Literal::Decimal(unscaled), root.not_null()))
}

fn decimal(precision: u8, scale: u8) -> TypeRoot {
    TypeRoot::Decimal { precision, scale }
}

fn typed_literal(root: &TypeRoot, text: &str) -> Result<Constant, String> {
    let illegal =
        |name: &str, form: &str| format!("illegal {name} literal '{text}': not in format '{form}'");
    match root {
        TypeRoot::Date => {
            let date: Date = text.parse().map_err(|_| illegal("DATE", "yyyy-MM-dd"))?;
            let days =
                date.since(Date::constant(1970, 1, 1)).map_err(|e| e.to_string())?.get_days();
            Ok((Literal::Date(days), TypeRoot::Date.not_null()))
        }
        TypeRoot::Time(_) => {
            let time: Time = text.parse().map_err(|_| illegal("TIME", "HH:mm:ss"))?;
            let second = i32::from(time.hour()) * 3600
                + i32::from(time.minute()) * 60
                + i32::from(time.second());
            let millis = second * 1000 + i32::from(time.millisecond());
            Ok((Literal::Time(millis), TypeRoot::Time(fraction_digits(text)).not_null()))
        }
        TypeRoot::Timestamp { .. } => {
            let is_spaced = text.len() > 10 && text.as_bytes()[10] == b' ';
            let time: Option<DateTime> = match text.len() {
                10 => text.parse().ok().map(|date: Date| date.at(0, 0, 0, 0)),
                _ => text.parse().ok().filter(|_| is_spaced),
            };
            let time = time.ok_or_else(|| illegal("TIMESTAMP", "yyyy-MM-dd HH:mm:ss"))?;
            let precision = fraction_digits(text);
            let value = since_epoch(time, precision)
                .ok_or_else(|| format!("TIMESTAMP literal '{text}' is out of range"))?;
            Ok((Literal::Timestamp(value), TypeRoot::timestamp(precision).not_null()))
        }
        other => Err(format!("{other} has no literals; write CAST('{text}' AS {other})")),
    }
}

fn fraction_digits(text: &str) -> u8 {
    let n_digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    u8::try_from(n_digits).unwrap_or(9).min(9)
}

/// The time in the unit in which timestamps of that precision are kept.
fn since_epoch(time: DateTime, precision: u8) -> Option<i64> {
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let nanos = zoned.timestamp().as_nanosecond();
    let nanos_per_unit = match precision {
        0..=3 => 1_000_000,
        4..=6 => 1_000,
        _ => 1,
    };
    i64::try_from(nanos.div_euclid(nanos_per_unit)).ok()
}

/// Digits of an interval's first field where the literal does not say otherwise.
const DEFAULT_INTERVAL_PRECISION: u64 = 2;

/// A field of an interval.
struct IntervalField {
    name: &'static str,
    /// Months for the first three, else milliseconds.
    unit: i64,
    /// First value that a field may not have behind another one.
    bound: i64,
    /// What stands between it and the next field.
    separator: char,
}

/// Fields that a range can run over, in order.
const FIELDS: [IntervalField; 8] = [
    IntervalField { name: "YEAR", unit: 12, bound: i64::MAX, separator: '-' },
    IntervalField { name: "QUARTER", unit: 3, bound: 4, separator: ' ' },
    IntervalField { name: "MONTH", unit: 1, bound: 12, separator: ' ' },
    IntervalField { name: "WEEK", unit: 7 * MILLIS_PER_DAY, bound: i64::MAX, separator: ' ' },
    IntervalField { name: "DAY", unit: MILLIS_PER_DAY, bound: i64::MAX, separator: ' ' },
    IntervalField { name: "HOUR", unit: 3_600_000, bound: 24, separator: ':' },
    IntervalField { name: "MINUTE", unit: 60_000, bound: 60, separator: ':' },
    IntervalField { name: "SECOND", unit: MILLIS_PER_SECOND, bound: 60, separator: '.' },
];
const MONTH: usize = 2;
const SECOND: usize = 7;

fn interval_literal(interval: &Interval) -> Result<Constant, String> {
    let (is_minus, text) = interval_text(&interval.value)?;
    let unit = interval.leading_field.as_ref();
    let first = unit.ok_or("an interval needs a unit: INTERVAL '1' MINUTE")?;
    let first = field_index(first)?;
    let last = interval.last_field.as_ref().map_or(Ok(first), field_index)?;
    if last < first || (first <= MONTH) != (last <= MONTH) {
        let (first, last) = (FIELDS[first].name, FIELDS[last].name);
        return Err(format!("an interval cannot run from {first} to {last}"));
    }
    let precision = interval.leading_precision.unwrap_or(DEFAULT_INTERVAL_PRECISION);
    let fields: Vec<usize> =
        (first..=last).filter(|&i| !matches!(i, 1 | 3) || i == first).collect();
    let amount = interval_amount(&text, &fields, precision)?;
    let amount = if is_minus { -amount } else { amount };
    if first <= MONTH {
        let months = i32::try_from(amount).map_err(|_| "the interval is too long")?;
        return Ok((Literal::Months(months), TypeRoot::IntervalYearMonth.not_null()));
    }
    Ok((Literal::Millis(amount), TypeRoot::IntervalDayTime.not_null()))
}

fn interval_text(value: &Expr) -> Result<(bool, String), String> {
    let (is_minus, value) = match value {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (true, expr.as_ref()),
        other => (false, other),
    };
    let Expr::Value(text) = value else {
        return Err(
            "an interval's value is a literal: INTERVAL '1' MINUTE; to scale it, multiply: \
                    n * INTERVAL '1' MINUTE"
                .to_owned(),
        );
    };
    let Value::SingleQuotedString(text) = &text.value else {
        return Err(format!("an interval's value stands in quotes: INTERVAL '{text}' MINUTE"));
    };
    let text = text.trim();
    match text.strip_prefix('-') {
        Some(rest) => Ok((!is_minus, rest.to_owned())),
        None => Ok((is_minus, text.strip_prefix('+').unwrap_or(text).to_owned())),
    }
}

fn field_index(field: &DateTimeField) -> Result<usize, String> {
    let name = field.to_string().to_ascii_uppercase();
    let singular = name.strip_suffix('S').unwrap_or(&name);
    let index = FIELDS.iter().position(|field| field.name == singular);
    index.ok_or_else(|| {
        format!(
            "'{name}' is no unit of an interval; write SECOND, MINUTE, HOUR, DAY, MONTH or YEAR"
        )
    })
}

/// The months or milliseconds of `text`, whose fields are those.
fn interval_amount(text: &str, fields: &[usize], precision: u64) -> Result<i64, String> {
    let names: Vec<&str> = fields.iter().map(|&i| FIELDS[i].name).collect();
    let illegal = || format!("illegal interval literal '{text}' for {}", names.join(" TO "));
    let mut amount: i64 = 0;
    let mut rest = text;
    for (position, &index) in fields.iter().enumerate() {
        let field = &FIELDS[index];
        let is_last = position + 1 == fields.len();
        let (mut digits, after) = match rest.split_once(field.separator) {
            Some(parts) if !is_last => parts,
            None if !is_last => return Err(illegal()),
            _ => (rest, ""),
        };
        rest = after;
        let mut fraction = 0;
        if index == SECOND
            && let Some((whole, text)) = digits.split_once('.')
        {
            digits = whole;
            fraction = fraction_millis(text).ok_or_else(illegal)?;
        }
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let value: i64 = digits.parse().ok().filter(|_| is_number).ok_or_else(illegal)?;
        let significant = digits.trim_start_matches('0').len() as u64;
        if position == 0 && significant > precision {
            return Err(format!(
                "interval field value {value} exceeds precision of {0}({precision}) field; write \
                 INTERVAL '{text}' {0}({significant}) or a larger unit",
                field.name
            ));
        }
        if position > 0 && value >= field.bound {
            return Err(illegal());
        }
        let part = value.checked_mul(field.unit).and_then(|part| part.checked_add(fraction));
        amount =
            part.and_then(|part| amount.checked_add(part)).ok_or("the interval is too long")?;
    }
    Ok(amount)
}

/// Milliseconds of the digits behind a second's point; what is below one is cut off.
fn fraction_millis(digits: &str) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<3}")[..3].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_number(text: &str) -> String {
        match number(text) {
            Ok((literal, logical_type)) => format!("{literal:?} {logical_type}"),
            Err(why) => why,
        }
    }

    #[test]
    fn numbers_have_the_types_that_flink_gives_them() {
        assert_eq!(check_number("0.908"), "Decimal(908) DECIMAL(4, 3) NOT NULL");
        assert_eq!(check_number("0.5"), "Decimal(5) DECIMAL(2, 1) NOT NULL");
        assert_eq!(check_number(".5"), "Decimal(5) DECIMAL(1, 1) NOT NULL");
        assert_eq!(check_number("12.50"), "Decimal(1250) DECIMAL(4, 2) NOT NULL");
        assert_eq!(check_number("-2147483648"), "Integer(-2147483648) INT NOT NULL");
        assert_eq!(check_number("2147483648"), "Integer(2147483648) BIGINT NOT NULL");
        assert_eq!(check_number("1e3"), "Double(1000.0) DOUBLE NOT NULL");
        let error = check_number("12345678901234567890");
        assert_eq!(error, "numeric literal '12345678901234567890' is out of range");
    }

    #[test]
    fn intervals() {
        let check = |text: &str, first: &str, last: &str| {
            let index = |name: &str| FIELDS.iter().position(|f| f.name == name).unwrap();
            let fields: Vec<usize> = (index(first)..=index(last)).collect();
            interval_amount(text, &fields, 2)
        };
        assert_eq!(check("10", "SECOND", "SECOND"), Ok(10_000));
        assert_eq!(check("0.001", "SECOND", "SECOND"), Ok(1));
        assert_eq!(check("1 02:03:04.5", "DAY", "SECOND"), Ok(93_784_500));
        assert_eq!(check("02:03", "MINUTE", "SECOND"), Ok(123_000));
        assert!(
            check("300", "SECOND", "SECOND")
                .unwrap_err()
                .contains("exceeds precision of SECOND(2)")
        );
        assert!(check("02:60", "MINUTE", "SECOND").is_err());
        assert!(check("1", "MINUTE", "SECOND").is_err());
    }

    #[test]
    fn typed_literals() {
        let timestamp = typed_literal(&TypeRoot::timestamp(6), "1970-01-01 00:00:01.5").unwrap();
        assert_eq!(timestamp, (Literal::Timestamp(1500), TypeRoot::timestamp(1).not_null()));
        let date = typed_literal(&TypeRoot::Date, "1969-12-31").unwrap();
        assert_eq!(date.0, Literal::Date(-1));
        assert!(typed_literal(&TypeRoot::timestamp(6), "1970-01-01T00:00:01").is_err());
    }
}
