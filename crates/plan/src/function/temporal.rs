//! Dates and times. Text and TIMESTAMP_LTZ are read and shown in the session time zone.

use argus_base::{LogicalType, TypeRoot};

use super::merging::timestamp_precision;
use super::signature::{
    Kind, count, is_datetime, is_interval, not_null, nullable, propagate, take,
};
use super::{Argument, FunctionSpec, Resolved, ScalarFunction as F};
use crate::expression::Literal;

const TEXT: Kind = Kind::Text;
const PART: &str = "BIGINT, of a date, time or timestamp.";
const UNIT_FIRST: &str = "Arguments: the unit as a literal in upper case, the value.";
const LETTERS: &str = "Letters are those of Java's formatters; default 'yyyy-MM-dd HH:mm:ss'.";
const CLOCK: &str = "The same for all rows of a batch.";

pub(super) const SPECS: &[FunctionSpec] = &[
    FunctionSpec::new(F::Extract, "EXTRACT", "EXTRACT(unit FROM t)", UNIT_FIRST, extract),
    FunctionSpec::new(F::Year, "YEAR", "YEAR(t)", PART, part),
    FunctionSpec::new(F::Quarter, "QUARTER", "QUARTER(t)", PART, part),
    FunctionSpec::new(F::Month, "MONTH", "MONTH(t)", PART, part),
    FunctionSpec::new(F::Week, "WEEK", "WEEK(t)", "ISO week, 1 to 53.", part),
    FunctionSpec::new(F::DayOfYear, "DAYOFYEAR", "DAYOFYEAR(t)", PART, part),
    FunctionSpec::new(F::DayOfMonth, "DAYOFMONTH", "DAYOFMONTH(t)", PART, part),
    FunctionSpec::new(F::DayOfWeek, "DAYOFWEEK", "DAYOFWEEK(t)", "1 is Sunday.", part),
    FunctionSpec::new(F::Hour, "HOUR", "HOUR(t)", PART, part),
    FunctionSpec::new(F::Minute, "MINUTE", "MINUTE(t)", PART, part),
    FunctionSpec::new(F::Second, "SECOND", "SECOND(t)", PART, part),
    FunctionSpec::new(F::FloorTo, "FLOOR TO", "FLOOR(t TO unit)", UNIT_FIRST, round_to),
    FunctionSpec::new(F::CeilTo, "CEIL TO", "CEIL(t TO unit)", UNIT_FIRST, round_to),
    FunctionSpec::new(
        F::TimestampAdd,
        "TIMESTAMPADD",
        "TIMESTAMPADD(unit, n, t)",
        "Arguments: the unit as a literal in upper case, the number, the value.",
        timestamp_add,
    ),
    FunctionSpec::new(
        F::TimestampDiff,
        "TIMESTAMPDIFF",
        "TIMESTAMPDIFF(unit, a, b)",
        "b - a in whole units. Arguments: the unit as a literal in upper case, a, b.",
        timestamp_diff,
    ),
    FunctionSpec::new(
        F::MinusTo,
        "MINUS TO",
        "(a - b) unit",
        "Arguments: the unit as a literal in upper case, a, b. An interval.",
        minus_to,
    ),
    FunctionSpec::new(
        F::Overlaps,
        "OVERLAPS",
        "(a, b) OVERLAPS (c, d)",
        "Arguments: a, b, c, d; b and d are ends or lengths.",
        overlaps,
    ),
    FunctionSpec::new(F::DateFormat, "DATE_FORMAT", "DATE_FORMAT(t, format)", LETTERS, date_format),
    FunctionSpec::new(
        F::ToDate,
        "TO_DATE",
        "TO_DATE(a[, format])",
        "NULL where unreadable.",
        |a| nullable(take(a, &[TEXT], &[TEXT])?, TypeRoot::Date),
    ),
    FunctionSpec::new(
        F::ToTimestamp,
        "TO_TIMESTAMP",
        "TO_TIMESTAMP(a[, format])",
        "TIMESTAMP(3), NULL where unreadable.",
        |a| nullable(take(a, &[TEXT], &[TEXT])?, TypeRoot::timestamp(3)),
    ),
    FunctionSpec::new(
        F::ToTimestampLtz,
        "TO_TIMESTAMP_LTZ",
        "TO_TIMESTAMP_LTZ(n[, 0 | 3]), TO_TIMESTAMP_LTZ(a[, format[, zone]])",
        "Seconds (0) or milliseconds (3, the default) since 1970, or text.",
        to_timestamp_ltz,
    ),
    FunctionSpec::new(
        F::UnixTimestamp,
        "UNIX_TIMESTAMP",
        "UNIX_TIMESTAMP([a[, format]])",
        "Seconds since 1970; of the clock without arguments.",
        |a| propagate(take(a, &[], &[TEXT, TEXT])?, TypeRoot::BigInt),
    )
    .volatile(),
    FunctionSpec::new(
        F::FromUnixtime,
        "FROM_UNIXTIME",
        "FROM_UNIXTIME(seconds[, format])",
        LETTERS,
        |a| nullable(take(a, &[Kind::BigInt], &[TEXT])?, TypeRoot::STRING),
    ),
    FunctionSpec::new(
        F::ConvertTz,
        "CONVERT_TZ",
        "CONVERT_TZ(a, from_zone, to_zone)",
        "Text to text, 'yyyy-MM-dd HH:mm:ss'.",
        |a| nullable(take(a, &[TEXT, TEXT, TEXT], &[])?, TypeRoot::STRING),
    ),
    FunctionSpec::new(F::CurrentTimestamp, "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP", CLOCK, |a| {
        not_null(take(a, &[], &[])?, TypeRoot::timestamp_ltz(3))
    })
    .aliases(&["NOW", "CURRENT_ROW_TIMESTAMP"])
    .volatile(),
    FunctionSpec::new(F::LocalTimestamp, "LOCALTIMESTAMP", "LOCALTIMESTAMP", CLOCK, |a| {
        not_null(take(a, &[], &[])?, TypeRoot::timestamp(3))
    })
    .volatile(),
    FunctionSpec::new(F::CurrentDate, "CURRENT_DATE", "CURRENT_DATE", CLOCK, |a| {
        not_null(take(a, &[], &[])?, TypeRoot::Date)
    })
    .volatile(),
    FunctionSpec::new(F::LocalTime, "LOCALTIME", "LOCALTIME", CLOCK, |a| {
        not_null(take(a, &[], &[])?, TypeRoot::Time(0))
    })
    .aliases(&["CURRENT_TIME"])
    .volatile(),
];

/// The unit given as a literal in front; `SQL_TSI_` before it means nothing.
fn unit(arguments: &[Argument<'_>]) -> Result<String, String> {
    match arguments.first().and_then(|first| first.literal) {
        Some(Literal::Text(unit)) => Ok(unit.trim_start_matches("SQL_TSI_").to_owned()),
        _ => Err("expected a time unit".to_owned()),
    }
}

fn is_unit(unit: &str, units: &[&str]) -> Result<(), String> {
    match units.contains(&unit) {
        true => Ok(()),
        false => Err(format!("unit {unit} is not possible here; expected {}", units.join(", "))),
    }
}

const EXTRACT_UNITS: &[&str] = &[
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "DOY",
    "DOW",
    "ISODOW",
    "ISOYEAR",
    "DECADE",
    "CENTURY",
    "MILLENNIUM",
    "EPOCH",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
    "NANOSECOND",
];
const ROUND_UNITS: &[&str] = &[
    "MILLENNIUM",
    "CENTURY",
    "DECADE",
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
];
const ADD_UNITS: &[&str] = &[
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
    "NANOSECOND",
];

fn datetime_or_interval(argument: &Argument<'_>) -> Result<LogicalType, String> {
    let found = argument.logical_type;
    if is_datetime(&found.root) || is_interval(&found.root) {
        return Ok(found.materialized());
    }
    Err(format!("expected a date, time, timestamp or interval, found {found}"))
}

fn extract(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 2, 2)?;
    is_unit(&unit(arguments)?, EXTRACT_UNITS)?;
    let value = datetime_or_interval(&arguments[1])?;
    check_part(&unit(arguments)?, &value)?;
    propagate(vec![arguments[0].logical_type.clone(), value], TypeRoot::BigInt)
}

fn part(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 1, 1)?;
    propagate(vec![datetime_or_interval(&arguments[0])?], TypeRoot::BigInt)
}

/// A time of day has no date, an interval has parts of its own only.
fn check_part(unit: &str, value: &LogicalType) -> Result<(), String> {
    let of_day = ["HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND"];
    match value.root {
        TypeRoot::Time(_) => is_unit(unit, &of_day),
        TypeRoot::IntervalDayTime => is_unit(unit, &[&["DAY"], &of_day[..]].concat()),
        TypeRoot::IntervalYearMonth => is_unit(unit, &["YEAR", "QUARTER", "MONTH"]),
        _ => Ok(()),
    }
}

fn round_to(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[TEXT, Kind::DateTime], &[])?;
    is_unit(&unit(arguments)?, ROUND_UNITS)?;
    let root = taken[1].root.clone();
    propagate(taken, root)
}

fn timestamp_add(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[TEXT, Kind::BigInt, Kind::DateTime], &[])?;
    let unit = unit(arguments)?;
    is_unit(&unit, &ADD_UNITS[..9])?;
    let of_unit = if unit == "MILLISECOND" { 3 } else { 0 };
    let is_time_of_day = of_unit > 0 || ["HOUR", "MINUTE", "SECOND"].contains(&unit.as_str());
    let root = match &taken[2].root {
        TypeRoot::Date if is_time_of_day => TypeRoot::timestamp(of_unit.max(6)),
        TypeRoot::Timestamp { precision, .. } => TypeRoot::timestamp(of_unit.max(*precision)),
        TypeRoot::TimestampLtz { precision, .. } => {
            TypeRoot::timestamp_ltz(of_unit.max(*precision))
        }
        other => other.clone(),
    };
    propagate(taken, root)
}

fn timestamp_diff(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[TEXT, Kind::DateTime, Kind::DateTime], &[])?;
    is_unit(&unit(arguments)?, ADD_UNITS)?;
    let (a, b) = (&taken[1], &taken[2]);
    let is_local = |each: &LogicalType| matches!(each.root, TypeRoot::TimestampLtz { .. });
    let has_time = [a, b].iter().any(|each| matches!(each.root, TypeRoot::Time(_)));
    if has_time || is_local(a) != is_local(b) {
        return Err(format!("cannot take the difference of {a} and {b}"));
    }
    propagate(taken, TypeRoot::Int)
}

fn minus_to(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let taken = take(arguments, &[TEXT, Kind::DateTime, Kind::DateTime], &[])?;
    let unit = unit(arguments)?;
    is_unit(&unit, &["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"])?;
    let root = match unit.as_str() {
        "YEAR" | "QUARTER" | "MONTH" => TypeRoot::IntervalYearMonth,
        _ => TypeRoot::IntervalDayTime,
    };
    propagate(taken, root)
}

fn overlaps(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    count(arguments, 4, 4)?;
    let taken: Vec<LogicalType> =
        arguments.iter().map(datetime_or_interval).collect::<Result<_, _>>()?;
    if is_interval(&taken[0].root) || is_interval(&taken[2].root) {
        return Err("a period starts with a date, time or timestamp".to_owned());
    }
    propagate(taken, TypeRoot::Boolean)
}

fn date_format(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let is_text = arguments.first().is_some_and(|each| each.logical_type.root.is_character());
    let value = if is_text { TEXT } else { Kind::Timestamp };
    nullable(take(arguments, &[value, TEXT], &[])?, TypeRoot::STRING)
}

fn to_timestamp_ltz(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    let root = TypeRoot::timestamp_ltz(3);
    if arguments.first().is_some_and(|each| each.logical_type.root.is_character()) {
        return nullable(take(arguments, &[TEXT], &[TEXT, TEXT])?, root);
    }
    let precision = arguments.get(1).and_then(|each| each.literal);
    if let Some(Literal::Integer(precision)) = precision
        && ![0, 3].contains(precision)
    {
        return Err(format!("the precision must be 0 or 3, but is {precision}"));
    }
    let taken = take(arguments, &[Kind::Numeric], &[Kind::Int])?;
    let approximate = taken[0].root.is_approximate();
    let number = if approximate { TypeRoot::Double } else { TypeRoot::BigInt };
    let mut cast = taken;
    cast[0].root = number;
    nullable(cast, root)
}

/// The precision of the rowtime column that CURRENT_WATERMARK asks about is the watermark's.
pub(super) fn watermark(arguments: &[Argument<'_>]) -> Result<Resolved, String> {
    take(arguments, &[Kind::Timestamp], &[])?;
    let rowtime = arguments[0].logical_type;
    if rowtime.root.time_kind() != argus_base::logical_type::TimeKind::Rowtime {
        return Err(format!("the argument must be a rowtime attribute, but is {rowtime}"));
    }
    debug_assert!(timestamp_precision(&rowtime.root).is_some());
    let root = match rowtime.root {
        TypeRoot::TimestampLtz { .. } => TypeRoot::timestamp_ltz(3),
        _ => TypeRoot::timestamp(3),
    };
    nullable(vec![rowtime.materialized()], root)
}
