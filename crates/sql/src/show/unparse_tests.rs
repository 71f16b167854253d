//! Recorded from Flink 2.2.1: SHOW CREATE TABLE of a table with these computed columns.

use std::sync::Arc;

use super::expression_text;
use crate::parse::parse_script;
use crate::statement::{ColumnDefinitionKind, StatementKind};

#[track_caller]
fn check(written: &str, expected: &str) {
    let source: Arc<str> = format!("CREATE TABLE t (c AS {written})").into();
    let variables = |_: &str| Some("5".to_owned());
    let mut statements = parse_script(&source, &variables).unwrap();
    let StatementKind::CreateTable(table) = statements.remove(0).kind else { panic!("no table") };
    let ColumnDefinitionKind::Computed { expression, text } = &table.columns[0].kind else {
        panic!("not computed")
    };
    assert_eq!(text, expected, "{written}");
    assert_eq!(*text, expression_text(expression, &source));
}

#[test]
fn operators() {
    check("id * 2 + 1", "`id` * 2 + 1");
    check("(id + 1) * 2", "(`id` + 1) * 2");
    check("f OR g AND f", "`f` OR `g` AND `f`");
    check("(f OR g) AND f", "(`f` OR `g`) AND `f`");
    check("id - (id - 1)", "`id` - (`id` - 1)");
    check("(id - id) - 1", "`id` - `id` - 1");
    check("id * (id / 2)", "`id` * (`id` / 2)");
    check("NOT (f AND g)", "NOT (`f` AND `g`)");
    check("NOT (name = 'a')", "NOT `name` = 'a'");
    check("(id > 1) = f", "`id` > 1 = `f`");
    check("(id IS NULL) IS TRUE", "(`id` IS NULL) IS TRUE");
    check("name || (s || name)", "`name` || (`s` || `name`)");
    check("id % 2", "`id` % 2");
    check("-id", "- `id`");
    check("- (id + 1)", "- (`id` + 1)");
    check("id = -1", "`id` = -1");
    check("id IS NOT DISTINCT FROM 3", "`id` IS NOT DISTINCT FROM 3");
    check("name NOT LIKE 'a%' ESCAPE '!'", "`name` NOT LIKE 'a%' ESCAPE '!'");
    check("id BETWEEN 1 AND 3", "`id` BETWEEN ASYMMETRIC 1 AND 3");
    check("name NOT IN ('a','b')", "`name` NOT IN ('a', 'b')");
    check("`my col`.`b c`[1]", "`my col`.`b c`[1]");
    check("m['x']", "`m`['x']");
}

#[test]
fn literals_and_types() {
    check("1.5e0", "1.5E0");
    check(".5", "0.5");
    check("true", "TRUE");
    check("'x''y'", "'x''y'");
    check("'\u{e4}'", "u&'\\00e4'");
    check("U&'\\00e4'", "_UTF16'\u{e4}'");
    check("DATE '2020-01-01'", "DATE '2020-01-01'");
    check("TIMESTAMP '2020-01-01 00:00:00.123'", "TIMESTAMP '2020-01-01 00:00:00.123'");
    check("INTERVAL '1 10' DAY TO HOUR", "INTERVAL '1 10' DAY TO HOUR");
    check("INTERVAL -'5' SECOND(3)", "INTERVAL -'5' SECOND(3)");
    check("t - 3 * INTERVAL '1' SECONDS", "`t` - 3 * INTERVAL '1' SECOND");
    check("CAST(name AS INT)", "CAST(`name` AS INTEGER)");
    check("CAST(name AS TIMESTAMP)", "CAST(`name` AS TIMESTAMP)");
    check("CAST(name AS DECIMAL(10,2))", "CAST(`name` AS DECIMAL(10, 2))");
    check("TRY_CAST(name AS BYTES)", "TRY_CAST(`name` AS BYTES)");
    check(
        "CAST(r AS ROW<a BIGINT NOT NULL, b ROW<c INT>>)",
        "CAST(`r` AS ROW< `a` BIGINT NOT NULL, `b` ROW< `c` INTEGER > >)",
    );
    check("CAST(MAP['a',1] AS MAP<STRING, BIGINT>)", "CAST(MAP['a', 1] AS MAP< STRING, BIGINT >)");
    check("CAST(NULL AS STRING)", "CAST(NULL AS STRING)");
}

#[test]
fn calls() {
    check("upper(name) || 'x'", "UPPER(`name`) || 'x'");
    check("to_timestamp_ltz(id, 3)", "`to_timestamp_ltz`(`id`, 3)");
    check("GREATEST(id, 1)", "`GREATEST`(`id`, 1)");
    check("CASE id WHEN 1 THEN 'a' END", "CASE WHEN `id` = 1 THEN 'a' ELSE NULL END");
    check("NULLIF(id, 1)", "CASE WHEN `id` = 1 THEN NULL ELSE `id` END");
    check("YEAR(t)", "EXTRACT(YEAR FROM `t`)");
    check("EXTRACT(DAY FROM t)", "EXTRACT(DAY FROM `t`)");
    check("FLOOR(CAST(s AS TIMESTAMP(3)) TO DAY)", "FLOOR((CAST(`s` AS TIMESTAMP(3))) TO DAY)");
    check("CEIL(t TO HOUR)", "CEIL(`t` TO HOUR)");
    check("TRIM(name)", "TRIM(BOTH ' ' FROM `name`)");
    check("TRIM(LEADING 'x' FROM name)", "TRIM(LEADING 'x' FROM `name`)");
    check("SUBSTRING(name FROM 1 FOR 2)", "SUBSTRING(`name`, 1, 2)");
    check("SUBSTR(name, 1)", "SUBSTR(`name`, 1)");
    check("POSITION('a' IN name)", "POSITION('a' IN `name`)");
    check("OVERLAY(name PLACING 'x' FROM 1 FOR 2)", "OVERLAY(`name` PLACING 'x' FROM 1 FOR 2)");
    check("TIMESTAMPADD(DAY, 1, t)", "TIMESTAMPADD(DAY, 1, `t`)");
    check("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP");
    check("PROCTIME()", "PROCTIME()");
    check("ROW(1, 'a')", "ROW(1, 'a')");
    check("ARRAY[1,2]", "ARRAY[1, 2]");
    check("IF(id>1, 1, 2)", "IF(`id` > 1, 1, 2)");
    check("s IS JSON", "`s` IS JSON VALUE");
    check(
        "JSON_VALUE(s, '$.a' RETURNING INT NULL ON EMPTY)",
        "JSON_VALUE(`s`, '$.a' RETURNING INTEGER NULL ON EMPTY)",
    );
}

#[test]
fn variables_stay_as_written() {
    check("ts - ${DELAY} * INTERVAL '1' SECOND", "`ts` - ${DELAY} * INTERVAL '1' SECOND");
    check("a || '${X}'", "`a` || '${X}'");
    check("INTERVAL '${X}' SECOND", "INTERVAL '${X}' SECOND");
    check("`${X}`", "`${X}`");
}
