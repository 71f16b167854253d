//! The table: every function stands in it once, and types are Flink's.

use std::collections::HashSet;

use argus_base::logical_type::{Field, TimeKind};
use argus_base::{LogicalType, TypeRoot};

use super::{Argument, ScalarFunction, all, has_not_yet, lookup};
use crate::expression::Literal;

/// A column of the table that the types below were asked of a real Flink with.
fn column(name: &str) -> LogicalType {
    use TypeRoot::*;
    let (name, is_nullable) = match name.strip_prefix('n') {
        Some(rest) if name != "null" => (rest, false),
        _ => (name, true),
    };
    let root = match name {
        "ti" => TinyInt,
        "si" => SmallInt,
        "i" => Int,
        "b" => BigInt,
        "f" => Float,
        "d" => Double,
        "d52" => Decimal { precision: 5, scale: 2 },
        "d38" => Decimal { precision: 38, scale: 10 },
        "d100" => Decimal { precision: 10, scale: 0 },
        "c3" => Char(3),
        "v5" => VarChar(5),
        "s" => TypeRoot::STRING,
        "bo" => Boolean,
        "b3" => Binary(3),
        "vb5" => VarBinary(5),
        "da" => Date,
        "tm" => Time(0),
        "ts0" => TypeRoot::timestamp(0),
        "ts3" => TypeRoot::timestamp(3),
        "ts6" => TypeRoot::timestamp(6),
        "tz3" => TypeRoot::timestamp_ltz(3),
        "rt" => Timestamp { precision: 3, kind: TimeKind::Rowtime },
        "day" => IntervalDayTime,
        "year" => IntervalYearMonth,
        "ai" => Array(Box::new(Int.nullable())),
        "as" => Array(Box::new(TypeRoot::STRING.not_null())),
        "m" => Map(Box::new(TypeRoot::STRING.nullable()), Box::new(Int.nullable())),
        "r" => Row(vec![Field::new("a", Int.nullable())]),
        "null" => return Null.nullable(),
        "array-b" => Array(Box::new(BigInt.nullable())),
        other => panic!("no column {other}"),
    };
    LogicalType { root, nullable: is_nullable }
}

/// `name argument…`; an argument is a column, 'text' or a number.
fn types(call: &str) -> String {
    let (name, arguments) = call.split_once(": ").expect("a name and arguments");
    let literals: Vec<(LogicalType, Option<Literal>)> = arguments
        .split_whitespace()
        .map(|word| match (word.strip_prefix('\''), word.parse::<i64>()) {
            (Some(text), _) => {
                let text = text.trim_end_matches('\'');
                let length = u32::try_from(text.len()).expect("short");
                (TypeRoot::Char(length).not_null(), Some(Literal::Text(text.into())))
            }
            (_, Ok(number)) => (TypeRoot::Int.not_null(), Some(Literal::Integer(number))),
            _ => (column(word), None),
        })
        .collect();
    let arguments: Vec<Argument<'_>> = literals
        .iter()
        .map(|(logical_type, literal)| Argument { logical_type, literal: literal.as_ref() })
        .collect();
    let spec = lookup(name).expect("a known function");
    match (spec.resolve)(&arguments) {
        Ok(resolved) => {
            assert_eq!(resolved.arguments.len(), arguments.len(), "{call}");
            resolved.result.to_string()
        }
        Err(error) => format!("error: {error}"),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (call, expected) in cases {
        assert_eq!(&types(call), expected, "{call}");
    }
}

#[test]
fn every_function_stands_in_the_table_once() {
    let functions: HashSet<ScalarFunction> = all().map(|spec| spec.function).collect();
    assert_eq!(functions.len(), all().count());
    assert_eq!(functions.len(), ScalarFunction::Typeof as usize + 1);
    let names = || all().flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.to_vec()));
    assert_eq!(names().collect::<HashSet<_>>().len(), names().count());
    assert_eq!(names().find(|name| has_not_yet(name)), None);
}

#[test]
fn arithmetic() {
    check(&[
        ("+: ti si", "SMALLINT"),
        ("+: b f", "FLOAT"),
        ("+: ni ni", "INT NOT NULL"),
        ("+: i d52", "DECIMAL(13, 2)"),
        ("*: ti d52", "DECIMAL(9, 2)"),
        ("-: d52 d38", "DECIMAL(38, 9)"),
        ("*: d52 d38", "DECIMAL(38, 6)"),
        ("/: d52 d52", "DECIMAL(13, 8)"),
        ("/: d38 d52", "DECIMAL(38, 8)"),
        ("/: d52 i", "DECIMAL(16, 13)"),
        ("/: i d52", "DECIMAL(18, 6)"),
        ("+: d52 f", "DOUBLE"),
        ("+: f d", "FLOAT"),
        ("+: d f", "DOUBLE"),
        ("ARRAY: f d", "ARRAY<FLOAT> NOT NULL"),
        ("GREATEST: f d", "DOUBLE"),
        ("%: d52 i", "DECIMAL(5, 2)"),
        ("%: b i", "INT"),
        ("%: i b", "BIGINT"),
        ("%: d100 i", "INT"),
        ("%: i d100", "DECIMAL(10, 0)"),
        ("%: d i", "error: cannot apply '%' to DOUBLE and INT"),
        ("+: i s", "error: cannot apply '+' to INT and STRING"),
        (
            "-: ts3 ts3",
            "error: cannot apply '-' to TIMESTAMP(3) and TIMESTAMP(3); use TIMESTAMPDIFF",
        ),
        ("+: rt day", "TIMESTAMP(3)"),
        ("+: day da", "DATE"),
        ("*: ti day", "INTERVAL DAY TO SECOND(3)"),
        ("*: d day", "error: cannot apply '*' to DOUBLE and INTERVAL DAY TO SECOND(3)"),
    ]);
}

#[test]
fn numeric_functions() {
    check(&[
        ("ROUND: d52", "DECIMAL(4, 0)"),
        ("ROUND: d52 1", "DECIMAL(5, 1)"),
        ("ROUND: d52 i", "DECIMAL(5, 2)"),
        ("ROUND: d52 -1", "DECIMAL(4, 0)"),
        ("ROUND: d38 -2", "DECIMAL(29, 0)"),
        ("ROUND: f 1", "FLOAT"),
        ("CEIL: d52", "DECIMAL(5, 0)"),
        ("SIGN: d52", "DECIMAL(5, 2)"),
        ("SQRT: nd52", "DOUBLE NOT NULL"),
        ("GREATEST: i d52", "DECIMAL(12, 2)"),
        ("GREATEST: c3 v5", "VARCHAR(5)"),
        ("GREATEST: i null", "INT"),
        ("GREATEST: i s", "error: the arguments have no common type"),
    ]);
}

#[test]
fn comparisons() {
    check(&[
        ("=: ni nb", "BOOLEAN NOT NULL"),
        ("<: i s", "BOOLEAN"),
        ("=: i s", "error: cannot compare INT with STRING; use CAST"),
        ("=: ts3 s", "BOOLEAN"),
        ("=: bo 1", "error: cannot compare BOOLEAN with INT NOT NULL"),
        ("=: da ts3", "error: cannot compare DATE with TIMESTAMP(3)"),
        ("=: tm ts3", "error: cannot compare TIME(0) with TIMESTAMP(3)"),
        ("=: i null", "BOOLEAN"),
        ("IS NULL: i", "BOOLEAN NOT NULL"),
        ("NOT: i", "error: argument 1 must be a BOOLEAN, but is INT"),
    ]);
}

#[test]
fn strings() {
    check(&[
        ("||: c3 nc3", "CHAR(6)"),
        ("||: c3 v5", "VARCHAR(8)"),
        ("||: s c3", "STRING"),
        ("||: b3 vb5", "error: argument 1 must be a character string, but is BINARY(3)"),
        ("UPPER: c3", "CHAR(3)"),
        ("UPPER: null", "error: argument 1 is an untyped NULL; write CAST(NULL AS type)"),
        ("SUBSTRING: nc3 1", "VARCHAR(3)"),
        ("TRIM: 'BOTH' 'a' nv5", "VARCHAR(5) NOT NULL"),
        ("OVERLAY: c3 'x' 1", "VARCHAR(4)"),
        ("SPLIT_INDEX: s 65 0", "STRING"),
        ("ELT: 1 c3 v5", "VARCHAR(5)"),
        ("ELT: 1 c3 c3", "CHAR(3)"),
        ("MD5: ns", "CHAR(32) NOT NULL"),
        ("IS_DIGIT: d", "BOOLEAN NOT NULL"),
        ("CONCAT: i s", "error: argument 1 must be a character string, but is INT"),
        ("REGEXP_EXTRACT_ALL: ns 'a'", "ARRAY<STRING>"),
    ]);
}

#[test]
fn dates_and_times() {
    check(&[
        ("EXTRACT: 'YEAR' nts3", "BIGINT NOT NULL"),
        ("FLOOR TO: 'DAY' rt", "TIMESTAMP(3)"),
        ("TIMESTAMPADD: 'HOUR' 1 da", "TIMESTAMP(6)"),
        ("TIMESTAMPADD: 'DAY' 1 da", "DATE"),
        ("TIMESTAMPADD: 'SECOND' 1 tm", "TIME(0)"),
        ("TIMESTAMPADD: 'MILLISECOND' 1 ts0", "TIMESTAMP(3)"),
        ("TIMESTAMPDIFF: 'SECOND' tz3 tz3", "INT"),
        (
            "TIMESTAMPDIFF: 'SECOND' tz3 ts3",
            "error: cannot take the difference of TIMESTAMP_LTZ(3) and TIMESTAMP(3)",
        ),
        ("CURRENT_WATERMARK: rt", "TIMESTAMP(3)"),
        (
            "CURRENT_WATERMARK: ts3",
            "error: the argument must be a rowtime attribute, but is TIMESTAMP(3)",
        ),
        ("TO_TIMESTAMP_LTZ: nb 3", "TIMESTAMP_LTZ(3)"),
    ]);
}

#[test]
fn collections() {
    check(&[
        ("ROW: ni s", "ROW<`EXPR$0` INT NOT NULL, `EXPR$1` STRING> NOT NULL"),
        ("ARRAY: ni nb", "ARRAY<BIGINT NOT NULL> NOT NULL"),
        ("ARRAY: ni null", "ARRAY<INT> NOT NULL"),
        ("MAP: 'a' ni 'bc' nb", "MAP<VARCHAR(2) NOT NULL, BIGINT NOT NULL> NOT NULL"),
        ("[]: ai b", "INT"),
        ("[]: ai 0", "error: an array position starts at 1, but is 0"),
        ("[]: m c3", "INT"),
        ("ARRAY_CONTAINS: ai b", "error: the elements are INT, the value is BIGINT"),
        ("ARRAY_APPEND: as s", "ARRAY<STRING>"),
        ("ARRAY_REMOVE: as s", "ARRAY<STRING NOT NULL>"),
        ("ARRAY_CONCAT: ai array-b", "ARRAY<BIGINT>"),
        ("MAP_ENTRIES: m", "ARRAY<ROW<`key` STRING, `value` INT>>"),
    ]);
}
