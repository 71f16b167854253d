//! Every expression in `recorded/` gives what Flink gave, once as a constant and once with its
//! literals in columns among NULLs.
//!
//! A line is `expression  =>  value`; the value is JSON, or FAILS with Flink's reason. `!SET zone`
//! sets the session time zone. `!DIFFERS reason` before a line: we differ from the value in it.

use std::fmt::Write;
use std::sync::Arc;

use argus_base::time::{ProcessingTime, Watermark};
use argus_base::{LogicalType, TypeRoot};
use argus_plan::{Expression, ExpressionKind, Literal};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
};
use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_select::take::take;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::calendar::{Instant, civil, instant};
use crate::expression::notation_tests::parse;
use crate::expression::{CompiledExpression, EvaluationContext, text};

/// Rows of the columns that literals are put into, and which of them is not NULL.
const ROWS: [Option<u32>; 3] = [None, Some(0), None];

fn context() -> EvaluationContext {
    EvaluationContext { now: ProcessingTime(0), watermark: Watermark::MIN }
}

fn check(recorded: &str) {
    let mut zone = "UTC".to_owned();
    let mut wrong = String::new();
    let mut differs = false;
    for line in recorded.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("!SET ") {
            name.clone_into(&mut zone);
            continue;
        }
        if line.starts_with("!DIFFERS") {
            differs = true;
            continue;
        }
        let (expression, expected) = line.split_once("  =>  ").expect("expression and value");
        for mode in [evaluate_constant, evaluate_columns] {
            let found = mode(expression, &zone);
            let is_right = match expected.starts_with("FAILS") {
                true => found.starts_with("FAILS"),
                false => found == expected,
            };
            if is_right == differs {
                writeln!(wrong, "{expression}\n  Flink: {expected}\n  here:  {found}").unwrap();
                break;
            }
        }
        differs = false;
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn evaluate_constant(text: &str, zone: &str) -> String {
    match parse(text) {
        Ok(expression) => run(&expression, &[], 1, zone).map_or_else(|e| e, |v| v[0].clone()),
        Err(problem) => format!("FAILS {problem}"),
    }
}

/// With every literal that is no unit, mode or position of a field replaced by a column in which
/// it stands between NULLs.
fn evaluate_columns(text: &str, zone: &str) -> String {
    let mut expression = match parse(text) {
        Ok(expression) => expression,
        Err(problem) => return format!("FAILS {problem}"),
    };
    let mut columns = Vec::new();
    replace_literals(&mut expression, &mut columns, zone);
    let n_rows = if columns.is_empty() { 1 } else { ROWS.len() };
    match run(&expression, &columns, n_rows, zone) {
        Ok(values) if n_rows == 1 => values[0].clone(),
        Ok(values) => values[1].clone(),
        Err(problem) => problem,
    }
}

fn replace_literals(expression: &mut Expression, columns: &mut Vec<ArrayRef>, zone: &str) {
    const FIRST_IS_A_MODE: &[&str] =
        &["EXTRACT", "FLOOR TO", "CEIL TO", "TIMESTAMPADD", "TIMESTAMPDIFF", "MINUS TO", "TRIM"];
    // Keys of a map cannot be NULL, and the element type of an array says whether it has NULLs.
    const ALL_ARE_ELEMENTS: &[&str] = &["MAP", "ARRAY", "ROW", "ARRAY_APPEND", "ARRAY_PREPEND"];
    let name = match &expression.kind {
        ExpressionKind::Call { function, .. } => function.spec().name,
        _ => "",
    };
    let keeps_first = FIRST_IS_A_MODE.contains(&name);
    let keeps_all = ALL_ARE_ELEMENTS.contains(&name);
    for (i, child) in expression.children_mut().into_iter().enumerate() {
        if keeps_all || (keeps_first && i == 0) {
            continue;
        }
        let is_literal =
            matches!(&child.kind, ExpressionKind::Literal(literal) if *literal != Literal::Null);
        if !is_literal {
            replace_literals(child, columns, zone);
            continue;
        }
        let compiled = CompiledExpression::compile(child, zone).unwrap();
        let constant = compiled.evaluate(&[], 1, &context()).unwrap();
        columns.push(take(&constant, &UInt32Array::from(ROWS.to_vec()), None).unwrap());
        child.kind = ExpressionKind::Column(columns.len() - 1);
    }
}

fn run(
    expression: &Expression,
    columns: &[ArrayRef],
    n_rows: usize,
    zone: &str,
) -> Result<Vec<String>, String> {
    let failed = |error: argus_base::Error| format!("FAILS {error}");
    let compiled = CompiledExpression::compile(expression, zone).map_err(failed)?;
    let array = compiled.evaluate(columns, n_rows, &context()).map_err(failed)?;
    assert_eq!(array.data_type(), &expression.logical_type.to_arrow());
    assert_eq!(array.len(), n_rows);
    Ok((0..n_rows).map(|row| json(&expression.logical_type, &array, row)).collect())
}

/// The value as the recorder prints it.
fn json(logical_type: &LogicalType, array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "null".to_owned();
    }
    let mut out = String::new();
    match &logical_type.root {
        TypeRoot::Boolean => out.push_str(&array.as_boolean().value(row).to_string()),
        TypeRoot::TinyInt => out.push_str(&array.as_primitive::<Int8Type>().value(row).to_string()),
        TypeRoot::SmallInt => {
            out.push_str(&array.as_primitive::<Int16Type>().value(row).to_string())
        }
        TypeRoot::Int => out.push_str(&array.as_primitive::<Int32Type>().value(row).to_string()),
        TypeRoot::BigInt => out.push_str(&array.as_primitive::<Int64Type>().value(row).to_string()),
        TypeRoot::Float => text::float(array.as_primitive::<Float32Type>().value(row), &mut out),
        TypeRoot::Double => text::double(array.as_primitive::<Float64Type>().value(row), &mut out),
        TypeRoot::Decimal { scale, .. } => {
            text::decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, &mut out);
            return format!("\"{out}\"");
        }
        TypeRoot::Char(_) | TypeRoot::VarChar(_) => {
            return quote(array.as_string_view().value(row));
        }
        TypeRoot::Binary(_) | TypeRoot::VarBinary(_) => {
            return format!("\"{}\"", STANDARD.encode(array.as_binary_view().value(row)));
        }
        TypeRoot::Date => {
            text::date(array.as_primitive::<Date32Type>().value(row), &mut out);
            return format!("\"{out}\"");
        }
        TypeRoot::Time(_) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(row);
            return format!("\"{}\"", clock(i64::from(millis) / 1000, millis % 1000));
        }
        TypeRoot::Timestamp { .. } => return format!("\"{}\"", date_time(instant(array, row))),
        TypeRoot::TimestampLtz { .. } => return format!("\"{}Z\"", date_time(instant(array, row))),
        TypeRoot::IntervalYearMonth => {
            let months = array.as_primitive::<IntervalYearMonthType>().value(row);
            return format!("\"P{months}M\"");
        }
        TypeRoot::IntervalDayTime => {
            let millis = array.as_primitive::<DurationMillisecondType>().value(row);
            return format!("\"{}\"", duration(millis));
        }
        _ => return nested(&logical_type.root, array, row),
    }
    if out.ends_with('y') || out == "NaN" { format!("\"{out}\"") } else { out }
}

fn nested(root: &TypeRoot, array: &ArrayRef, row: usize) -> String {
    match root {
        TypeRoot::Array(element) => {
            let values = array.as_list::<i32>().value(row);
            let items = (0..values.len()).map(|i| json(element, &values, i));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        TypeRoot::Map(key, value) => {
            let entries = array.as_map().value(row);
            let mut items: Vec<String> = (0..entries.len())
                .map(|i| {
                    let key = json(key, entries.column(0), i);
                    let key = if key.starts_with('"') { key } else { quote(&key) };
                    format!("{key}:{}", json(value, entries.column(1), i))
                })
                .collect();
            items.sort();
            format!("{{{}}}", items.join(","))
        }
        TypeRoot::Row(fields) => {
            let columns = array.as_struct();
            let items = fields.iter().enumerate().map(|(i, field)| {
                format!(
                    "{}:{}",
                    quote(&field.name),
                    json(&field.logical_type, columns.column(i), row)
                )
            });
            format!("{{{}}}", items.collect::<Vec<_>>().join(","))
        }
        other => panic!("no notation for {other}"),
    }
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).unwrap(),
            c => out.push(c),
        }
    }
    out + "\""
}

fn clock(seconds: i64, millis: i32) -> String {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut out = format!("{hour:02}:{minute:02}");
    if second > 0 || millis > 0 {
        write!(out, ":{second:02}").unwrap();
    }
    if millis > 0 {
        write!(out, ".{millis:03}").unwrap();
    }
    out
}

fn date_time(at: Instant) -> String {
    let (year, month, day) = civil(at.days());
    let (second, nanos) = (at.second_of_day(), format!(".{:09}", at.nanos));
    let fraction = nanos.trim_end_matches('0').trim_end_matches('.');
    // The recorder prints the year of the era.
    let year = if year <= 0 { 1 - year } else { year };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
}

fn duration(millis: i64) -> String {
    let (hours, rest) = (millis / 3_600_000, millis % 3_600_000);
    let (minutes, seconds) = (rest / 60_000, rest % 60_000);
    let mut out = String::from("PT");
    for (value, unit) in [(hours, 'H'), (minutes, 'M')] {
        if value != 0 {
            write!(out, "{value}{unit}").unwrap();
        }
    }
    if seconds != 0 || out == "PT" {
        write!(out, "{}S", seconds as f64 / 1000.0).unwrap();
    }
    out
}

#[test]
fn arithmetic() {
    check(include_str!("recorded/arithmetic.txt"));
}

#[test]
fn comparison() {
    check(include_str!("recorded/comparison.txt"));
}

#[test]
fn strings() {
    check(include_str!("recorded/string.txt"));
}

#[test]
fn casts() {
    check(include_str!("recorded/cast.txt"));
}

#[test]
fn dates_and_times() {
    check(include_str!("recorded/temporal.txt"));
}

#[test]
fn collections() {
    check(include_str!("recorded/collection.txt"));
}

/// Constants that Flink's planner would compute are columns here.
#[test]
fn arrays_are_shared() {
    let column: ArrayRef = Arc::new(arrow_array::Int32Array::from(vec![1, 2]));
    let expression = parse("$0 INT").unwrap();
    let compiled = CompiledExpression::compile(&expression, "UTC").unwrap();
    let result = compiled.evaluate(std::slice::from_ref(&column), 2, &context()).unwrap();
    assert!(Arc::ptr_eq(&column, &result));
}
