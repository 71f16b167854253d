//! Which statements parse, and what is said about those that do not.

use std::sync::Arc;

use super::parse_script;
use crate::statement::{Statement, StatementKind};

fn parse(text: &str) -> Result<Vec<Statement>, crate::Diagnostic> {
    parse_script(&Arc::from(text), &|_| None)
}

#[track_caller]
fn one(text: &str) -> StatementKind {
    let mut statements = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(statements.len(), 1, "{text}");
    statements.remove(0).kind
}

#[track_caller]
fn error(text: &str, expected: &str) {
    let error = match parse(text) {
        Err(error) => error,
        Ok(statements) => panic!("{text} parses: {statements:?}"),
    };
    let span = error.span.unwrap();
    let shown = format!(
        "{} {}: {}",
        error.code,
        &text[span.start as usize..span.end as usize],
        error.message
    );
    assert_eq!(shown, expected, "{text}");
}

#[track_caller]
fn unsupported(text: &str) {
    assert!(matches!(one(text), StatementKind::Unsupported(_)), "{text}");
}

#[test]
fn tables() {
    let text = "CREATE TEMPORARY TABLE IF NOT EXISTS a.b.`t x` (
        id BIGINT NOT NULL COMMENT 'key', name STRING,
        t TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
        part INT METADATA, ts AS TO_TIMESTAMP(name) COMMENT 'c',
        WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
        CONSTRAINT pk PRIMARY KEY (id) NOT ENFORCED)
        COMMENT 'all' DISTRIBUTED BY HASH (id) INTO 4 BUCKETS PARTITIONED BY (name)
        WITH ('connector' = 'x', 'a' = 'it''s')
        LIKE base (INCLUDING ALL EXCLUDING OPTIONS OVERWRITING WATERMARKS)";
    let StatementKind::CreateTable(table) = one(text) else { panic!("no table") };
    assert_eq!((table.columns.len(), table.options.len()), (5, 2));
    assert_eq!(table.options[1].value.value, "it's");
    assert_eq!(table.path.name, "t x");
    one("CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED, b ROW<x INT, y ARRAY<STRING NOT NULL>>)");
    one("CREATE TABLE t WITH ('connector'='print') LIKE s (EXCLUDING ALL)");
    one("CREATE TABLE t (a, b) WITH ('connector'='print') AS SELECT 1, 2");
    one("CREATE VIEW IF NOT EXISTS v (a, b) COMMENT 'c' AS SELECT 1, 2");
    one("DROP TEMPORARY VIEW IF EXISTS c.d.v");
}

#[test]
fn dml_and_session() {
    one("INSERT INTO t SELECT * FROM s");
    one("EXECUTE INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    let StatementKind::Insert(insert) =
        one("INSERT INTO a.t /*+ OPTIONS('x'='y') */ PARTITION (d = 'x') (b, c) SELECT /*+ \
         STATE_TTL('a'='1d') */ 1, 2")
    else {
        panic!("no insert")
    };
    assert_eq!(insert.table_hints().count(), 1);
    assert_eq!((insert.partition.len(), insert.columns.map(|c| c.len())), (1, Some(2)));
    let StatementKind::StatementSet(inserts) = one(
        "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT CASE WHEN TRUE \
         THEN 1 END; END;",
    ) else {
        panic!("no set")
    };
    assert_eq!(inserts.len(), 2);
    assert_eq!(parse("BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;").unwrap().len(), 3);
    for text in [
        "SET",
        "SET 'a' = 'b'",
        "RESET",
        "RESET 'a'",
        "USE CATALOG c",
        "USE a.b",
        "SHOW TABLES",
        "SHOW TABLES FROM a.b NOT LIKE '%x'",
        "SHOW VIEWS",
        "SHOW CREATE TABLE t",
        "SHOW CREATE VIEW v",
        "SHOW CURRENT DATABASE",
        "SHOW COLUMNS FROM t LIKE 'a%'",
        "SHOW CATALOGS",
        "DESCRIBE t",
        "DESC EXTENDED a.b.t",
        "EXPLAIN SELECT 1",
        "EXPLAIN PLAN FOR SELECT 1",
        "EXPLAIN CHANGELOG_MODE, ESTIMATED_COST SELECT 1",
        "EXPLAIN INSERT INTO t SELECT 1",
        "EXPLAIN STATEMENT SET BEGIN INSERT INTO t SELECT 1; END",
    ] {
        one(text);
    }
}

#[test]
fn statements_that_do_not_run_yet_parse() {
    for text in [
        "CREATE TEMPORARY SYSTEM FUNCTION f AS 'a.B' LANGUAGE JAVA USING JAR '/a.jar', JAR \
         '/b.jar'",
        "CREATE CATALOG c WITH ('type' = 'jdbc')",
        "CREATE DATABASE IF NOT EXISTS d COMMENT 'x'",
        "CREATE MATERIALIZED TABLE m FRESHNESS = INTERVAL '1' MINUTE AS SELECT 1",
        "CREATE OR REPLACE TABLE t AS SELECT 1",
        "DROP FUNCTION IF EXISTS f",
        "DROP DATABASE d CASCADE",
        "DROP CATALOG c",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE t RENAME a TO b",
        "ALTER TABLE t SET ('a'='b')",
        "ALTER TABLE t RESET ('a')",
        "ALTER TABLE t ADD c INT COMMENT 'x' AFTER b",
        "ALTER TABLE t ADD (c INT METADATA FROM 'k' VIRTUAL FIRST, d AS a + 1, WATERMARK FOR ts \
         AS ts)",
        "ALTER TABLE t MODIFY PRIMARY KEY (a) NOT ENFORCED",
        "ALTER TABLE t DROP (a, b)",
        "ALTER TABLE t DROP WATERMARK",
        "ALTER VIEW v AS SELECT 1",
        "ALTER VIEW v RENAME TO w",
        "ALTER DATABASE d SET ('a'='b')",
        "ALTER FUNCTION f AS 'x' LANGUAGE JAVA",
        "ADD JAR '/x.jar'",
        "SHOW FUNCTIONS",
        "SHOW JOBS",
        "DESCRIBE JOB 'x'",
        "STOP JOB 'x' WITH SAVEPOINT",
        "COMPILE PLAN 'x' FOR INSERT INTO t SELECT 1",
        "EXECUTE PLAN 'x'",
        "ANALYZE TABLE t COMPUTE STATISTICS",
        "CALL p(1)",
        "LOAD MODULE m",
        "CREATE MODEL m WITH ('a'='b')",
    ] {
        unsupported(text);
    }
}

/// Checks that each text is one query.
#[track_caller]
fn queries(texts: &[&str]) {
    let mut wrong = Vec::new();
    for text in texts {
        match parse(text).as_deref() {
            Ok([Statement { kind: StatementKind::Query(_), .. }]) => {}
            other => wrong.push(format!("{text}: {:?}", other.map(<[Statement]>::len))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn clauses() {
    queries(&[
        "SELECT DISTINCT a, b AS c, t.*, * FROM t AS x (a, b) WHERE a > 1 GROUP BY a HAVING \
         COUNT(*) > 1 ORDER BY a DESC NULLS LAST LIMIT 5",
        "WITH a AS (SELECT 1), b (x) AS (VALUES (1), (2)) SELECT * FROM a UNION ALL SELECT * FROM \
         b",
        "VALUES (1, 'a'), (2, 'b')",
        "(SELECT 1) UNION (SELECT 2) INTERSECT SELECT 3 EXCEPT ALL SELECT 4",
        "SELECT a FROM t OFFSET 3 ROWS FETCH NEXT 5 ROWS ONLY",
        "SELECT window_start, SUM(p) FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' \
         MINUTES)) GROUP BY window_start, window_end",
        "SELECT * FROM TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' MINUTES)",
        "SELECT * FROM TABLE(HOP(DATA => TABLE bid, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL \
         '5' MINUTE, SIZE => INTERVAL '10' MINUTE, `OFFSET` => INTERVAL '1' SECOND)) AS w",
        "SELECT * FROM TABLE(SESSION(TABLE bid PARTITION BY item, DESCRIPTOR(ts), INTERVAL '5' \
         MINUTE))",
        "SELECT * FROM TABLE(SESSION(TABLE bid PARTITION BY (a, b), DESCRIPTOR(ts), INTERVAL '5' \
         MINUTE))",
        "SELECT * FROM f(TABLE t PARTITION BY a, b ORDER BY ts, x => 3)",
        "SELECT * FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.c = r.c",
        "SELECT * FROM orders /*+ OPTIONS('a'='b') */ AS o LEFT JOIN LATERAL TABLE(f(o.x)) AS \
         t(a, b) ON TRUE",
        "SELECT * FROM t CROSS JOIN UNNEST(t.arr) WITH ORDINALITY AS u (a, b)",
        "SELECT * FROM a NATURAL JOIN b FULL OUTER JOIN c USING (x, y), LATERAL (SELECT * FROM d \
         WHERE d.x = c.x LIMIT 3)",
        "SELECT SUM(a) OVER (PARTITION BY b ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING \
         AND CURRENT ROW), ROW_NUMBER() OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY ts \
         ROWS 5 PRECEDING)",
        "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC) AS rn FROM \
         t) WHERE rn <= 3",
        "SELECT a, b FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1",
        "SELECT a, SUM(b) FILTER (WHERE c > 1), COUNT(DISTINCT d), GROUPING(a) FROM t GROUP BY \
         GROUPING SETS ((a, b), (a), ())",
        "SELECT a FROM t GROUP BY ROLLUP (a, b), CUBE (c)",
        "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY s ORDER BY ts MEASURES FIRST(A.ts) AS a, \
         LAST(B.p, 1) AS b ONE ROW PER MATCH AFTER MATCH SKIP TO LAST B PATTERN (A B+ C{2,3}? \
         D{,3} E*) WITHIN INTERVAL '1' HOUR DEFINE A AS A.p > 1, B AS B.p > LAST(B.p, 1)) AS m",
        "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts MEASURES A.ts AS a AFTER MATCH SKIP TO A \
         PATTERN (A) DEFINE A AS TRUE)",
    ]);
}

#[test]
fn expressions() {
    queries(&[
        "SELECT CAST(a AS ROW<x INT, y MAP<STRING, INT>>), TRY_CAST(b AS DECIMAL(10, 2)), CASE a \
         WHEN 1 THEN 2 ELSE 3 END, CASE WHEN a IS NULL THEN 1 END",
        "SELECT ARRAY[1, 2][1], MAP['a', 1]['a'], MULTISET[1], ROW(1, 'a'), (1, 2), t.r.x, f(a).b",
        "SELECT EXTRACT(DAY FROM ts), FLOOR(ts TO DAY), CEIL(ts TO HOUR), TIMESTAMPADD(DAY, 1, \
         ts), TIMESTAMPDIFF(MINUTE, a, b), CURRENT_TIMESTAMP, CURRENT_DATE, LOCALTIME",
        "SELECT TRIM(BOTH ' ' FROM a), SUBSTRING(a FROM 1 FOR 2), OVERLAY(a PLACING 'x' FROM 1 \
         FOR 2), POSITION('a' IN b), LEFT(a, 1), YEAR(ts), IF(a, b, c), MOD(a, 2), CHAR_LENGTH(a)",
        "SELECT DATE '2020-01-01', TIME '10:00:00', TIMESTAMP '2020-01-01 00:00:00', INTERVAL '1' \
         DAY, INTERVAL '1 10' DAY(2) TO HOUR, INTERVAL -'5' SECOND(3), INTERVAL '1-2' YEAR TO \
         MONTH",
        "SELECT a LIKE 'x' ESCAPE '!', a NOT LIKE 'x', a SIMILAR TO 'x', a BETWEEN 1 AND 2, a NOT \
         IN (1, 2), a IN (SELECT 1), EXISTS (SELECT 1), a IS NOT DISTINCT FROM b, a IS TRUE, a IS \
         NOT UNKNOWN, NOT a, a || b, a % 2, -a",
        "SELECT a > ALL (SELECT 1), a = ANY (SELECT 1), a BETWEEN SYMMETRIC 3 AND 1, a NOT \
         BETWEEN ASYMMETRIC 1 AND 3 AND b, INTERVAL 5 SECOND, INTERVAL (2 + 3) MINUTES, (a - b) \
         DAY TO SECOND, (a - b) MONTH AS m",
        "SELECT JSON_VALUE(j, '$.a' RETURNING INT DEFAULT 0 ON EMPTY NULL ON ERROR), \
         JSON_EXISTS(j, '$.a' FALSE ON ERROR), JSON_QUERY(j, '$' WITH CONDITIONAL ARRAY WRAPPER), \
         JSON_OBJECT(KEY 'a' VALUE 1, 'b' VALUE 2 ABSENT ON NULL), JSON_OBJECT(), JSON_ARRAY(1, 2 \
         NULL ON NULL), JSON_OBJECTAGG(KEY a VALUE b), a IS JSON OBJECT, a IS NOT JSON",
        "SELECT LISTAGG(a, ','), FIRST_VALUE(a) IGNORE NULLS, U&'\\00e4', E'a\\n', X'0aff', \
         1.5E3, 'a' 'b'",
        "SELECT /*+ STATE_TTL('a'='1d'), BROADCAST(t1) */ type, name, source FROM t1",
        "SELECT COUNT(*), COUNT(1) AS `count`, `value` FROM `order` o",
        "SELECT * FROM TABLE t1",
        "SELECT * FROM ((SELECT 1) UNION ALL (SELECT 2)) AS t, (a JOIN b ON TRUE)",
    ]);
}

#[test]
fn reserved_words_need_back_ticks() {
    error("SELECT value FROM t", "AR1003 value: 'value' is a reserved word and no name");
    error("SELECT t.value FROM t", "AR1003 value: 'value' is a reserved word and no name");
    error("SELECT a AS result FROM t", "AR1003 result: 'result' is a reserved word and no name");
    error("SELECT 1 FROM t GROUP BY day", "AR1003 day: 'day' is a reserved word and no name");
    error(
        "CREATE TABLE t (timestamp BIGINT)",
        "AR1003 timestamp: 'timestamp' is a reserved word and no name",
    );
    error("CREATE TABLE user (a BIGINT)", "AR1003 user: 'user' is a reserved word and no name");
    error("SELECT COUNT(*) count FROM t", "AR1003 count: 'count' is a reserved word and no name");
}

#[test]
fn syntax_errors_point_at_the_place() {
    error("SELEC 1", "AR1001 SELEC: expected a statement, found SELEC");
    error("SELECT a, FROM t", "AR1001 FROM: expected an expression, found FROM");
    error("SELECT a b c FROM t", "AR1001 c: expected the end of the statement, found c");
    error("SELECT a FROM (SELECT a FROM t WHERE a = ) x", "AR1001 ): unexpected )");
    error("SELECT (a", "AR1001 : expected ), found the end of the statement");
    error("CREATE TABLE t (a INT", "AR1001 : expected ')', found the end of the statement");
    error("CREATE TABLE t (a INTT)", "AR1005 INTT: 'INTT' is no type of Flink SQL");
    error("SELECT CAST(a AS STRNG)", "AR1005 STRNG: 'STRNG' is no type of Flink SQL");
    error("SET a = b", "AR1105 a: the key and value of SET must be texts between single quotes");
    error(
        "INSERT OVERWRITE t SELECT 1",
        "AR1103 OVERWRITE: INSERT OVERWRITE is not supported on streams",
    );
    error(
        "CREATE TABLE t (a INT, PRIMARY KEY (a))",
        "AR1102 PRIMARY KEY (a): a PRIMARY KEY must be NOT ENFORCED: the engine does not own the \
         data",
    );
}

#[test]
fn values_of_variables_are_never_shown() {
    let text = "SELECT a FROM ${X} t u";
    let error = parse_script(&Arc::from(text), &|_| Some("secret secret2".to_owned())).unwrap_err();
    assert_eq!(error.message, "expected the end of the statement, found t");
    let text = "SELECT ${X}";
    let error = parse_script(&Arc::from(text), &|_| Some("a b c".to_owned())).unwrap_err();
    assert_eq!(error.message, "expected the end of the statement, found ${X}");
    let span = error.span.unwrap();
    assert_eq!(&text[span.start as usize..span.end as usize], "${X}");
}

#[test]
fn depth_is_bounded() {
    for text in [
        format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000)),
        format!("SELECT * FROM {}t{}", "(".repeat(5000), ")".repeat(5000)),
        format!("SELECT {}", "CASE WHEN ".repeat(5000)),
        format!("SELECT {}1", "f(".repeat(5000)),
        format!("SELECT {}1", "- ".repeat(5000)),
        format!("SELECT {}a", "NOT ".repeat(5000)),
        format!("SELECT 1{}", " + 1".repeat(5000)),
        format!("SELECT a{}", ".b".repeat(5000)),
        format!("SELECT a{}", "[1]".repeat(5000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5000)),
        format!("SELECT CAST(1 AS {}", "ARRAY<".repeat(5000)),
        format!("SELECT * FROM {}", "(SELECT * FROM ((".repeat(30)),
        format!("SELECT {}", "a.f(".repeat(200)),
    ] {
        let _ = parse(&text);
    }
}
