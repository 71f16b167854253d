//! Expressions and operators as text: for EXPLAIN, golden plans, and the fingerprints that name
//! operators. What is printed of an expression must mean the same for ever, since identities of
//! operators are made of it.

use argus_base::{LogicalType, TypeRoot};
use jiff::civil::Date;

use crate::aggregate::{AggregateCall, AggregateFunction};
use crate::expression::{Expression, ExpressionKind, Literal};
use crate::window::{Window, WindowKind};

/// Operators that stand between their operands.
const INFIX: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "||",
    "LIKE",
    "SIMILAR TO",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
];

/// An expression in SQL, its input columns named by `columns`.
pub fn expression(expression: &Expression, columns: &dyn Fn(usize) -> String) -> String {
    let text = |inner: &Expression| self::expression(inner, columns);
    let list = |all: &[Expression], between: &str| {
        all.iter().map(text).collect::<Vec<String>>().join(between)
    };
    match &expression.kind {
        ExpressionKind::Column(index) => columns(*index),
        ExpressionKind::Field { input, index } => {
            let TypeRoot::Row(fields) = &input.logical_type.root else {
                return format!("{}.{index}", text(input));
            };
            format!("{}.{}", text(input), fields[*index].name)
        }
        ExpressionKind::Literal(value) => literal(value, &expression.logical_type),
        ExpressionKind::Call { function, arguments } => {
            call(function.spec().name, &arguments.iter().map(text).collect::<Vec<String>>())
        }
        ExpressionKind::Cast { input, is_try } => {
            let name = if *is_try { "TRY_CAST" } else { "CAST" };
            format!("{name}({} AS {})", text(input), expression.logical_type.root)
        }
        ExpressionKind::And(operands) => format!("({})", list(operands, " AND ")),
        ExpressionKind::Or(operands) => format!("({})", list(operands, " OR ")),
        ExpressionKind::Case { branches, otherwise } => {
            let branch = |(when, then): &(Expression, Expression)| {
                format!(" WHEN {} THEN {}", text(when), text(then))
            };
            let branches: String = branches.iter().map(branch).collect();
            format!("CASE{branches} ELSE {} END", text(otherwise))
        }
        ExpressionKind::Coalesce(operands) => format!("COALESCE({})", list(operands, ", ")),
    }
}

fn call(name: &str, arguments: &[String]) -> String {
    match arguments {
        [left, right] if INFIX.contains(&name) => format!("({left} {name} {right})"),
        [value, index] if name == "[]" => format!("{value}[{index}]"),
        [value, list @ ..] if name == "IN" => format!("({value} IN ({}))", list.join(", ")),
        [operand] if name.starts_with("IS ") => format!("({operand} {name})"),
        [operand] if name == "NOT" => format!("NOT {operand}"),
        [operand] if name == "- (unary)" => format!("-{operand}"),
        _ => format!("{name}({})", arguments.join(", ")),
    }
}

/// A constant in SQL.
pub fn literal(value: &Literal, logical_type: &LogicalType) -> String {
    match value {
        Literal::Null => "NULL".to_owned(),
        Literal::Boolean(true) => "TRUE".to_owned(),
        Literal::Boolean(false) => "FALSE".to_owned(),
        Literal::Integer(value) => value.to_string(),
        Literal::Decimal(unscaled) => match logical_type.root {
            TypeRoot::Decimal { scale, .. } => decimal(*unscaled, scale),
            _ => unscaled.to_string(),
        },
        Literal::Double(value) => format!("{value:?}"),
        Literal::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Literal::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("X'{digits}'")
        }
        Literal::Date(days) => match date(*days) {
            Some(date) => format!("DATE '{date}'"),
            None => format!("DATE {days}"),
        },
        Literal::Time(millis) => format!("TIME '{}'", clock(i64::from(*millis))),
        Literal::Timestamp(value) => timestamp(*value, &logical_type.root),
        Literal::Months(months) => format!("INTERVAL '{months}' MONTH"),
        Literal::Millis(millis) => format!("INTERVAL '{}' SECOND", seconds(*millis)),
    }
}

fn decimal(unscaled: i128, scale: u8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn date(days: i32) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

fn clock(millis: i64) -> String {
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if millis == 0 { clock } else { format!("{clock}.{millis:03}") }
}

fn timestamp(value: i64, root: &TypeRoot) -> String {
    let (name, precision) = match root {
        TypeRoot::TimestampLtz { precision, .. } => ("TIMESTAMP_LTZ", *precision),
        TypeRoot::Timestamp { precision, .. } => ("TIMESTAMP", *precision),
        _ => ("TIMESTAMP", 3),
    };
    let instant = match precision {
        0..=3 => jiff::Timestamp::from_millisecond(value),
        4..=6 => jiff::Timestamp::from_microsecond(value),
        _ => jiff::Timestamp::from_nanosecond(i128::from(value)),
    };
    match instant {
        Ok(instant) => {
            let text = instant.to_string().replace('T', " ");
            format!("{name} '{}'", text.trim_end_matches('Z'))
        }
        Err(_) => format!("{name} {value}"),
    }
}

fn seconds(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    if rest == 0 { format!("{sign}{seconds}") } else { format!("{sign}{seconds}.{rest:03}") }
}

/// An aggregate call in SQL.
pub fn aggregate(call: &AggregateCall, columns: &dyn Fn(usize) -> String) -> String {
    let argument = call.argument.map_or_else(|| "*".to_owned(), columns);
    let distinct = if call.is_distinct { "DISTINCT " } else { "" };
    let name = match call.function {
        AggregateFunction::CountStar => "COUNT",
        other => other.name(),
    };
    let filter = call.filter.map(|filter| format!(" FILTER (WHERE {})", columns(filter)));
    format!("{name}({distinct}{argument}){}", filter.unwrap_or_default())
}

/// The kind, sizes and offset of a window: `HOP(5 s, 15 s)`.
pub fn window(window: &Window) -> String {
    let (name, sizes) = match window.kind {
        WindowKind::Tumble { size } => ("TUMBLE", vec![size]),
        WindowKind::Hop { slide, size } => ("HOP", vec![slide, size]),
        WindowKind::Cumulate { step, size } => ("CUMULATE", vec![step, size]),
    };
    let offset = (window.offset != 0).then(|| format!("offset {}", duration(window.offset)));
    let parts: Vec<String> = sizes.into_iter().map(duration).chain(offset).collect();
    format!("{name}({})", parts.join(", "))
}

/// Milliseconds in the largest unit that divides them.
fn duration(millis: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let unit = units.into_iter().find(|(size, _)| millis != 0 && millis % size == 0);
    match unit {
        Some((size, name)) => format!("{} {name}", millis / size),
        None => format!("{millis} ms"),
    }
}
