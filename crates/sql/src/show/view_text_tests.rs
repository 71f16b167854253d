//! Recorded from Flink 2.2.1: SHOW CREATE VIEW.

use std::sync::Arc;

use super::view_text;
use crate::catalog::View;
use crate::parse::parse_script;
use crate::statement::StatementKind;

#[track_caller]
fn check(query: &str, expected: &str) {
    let source: Arc<str> = format!("CREATE VIEW v AS {query}").into();
    let mut statements = parse_script(&source, &|_| None).unwrap();
    let StatementKind::CreateView(create) = statements.remove(0).kind else { panic!("no view") };
    let view = View {
        name: "v".to_owned(),
        columns: None,
        query: create.query.query,
        hints: create.query.hints,
        text: create.text,
        source: create.source,
        comment: None,
    };
    let columns_of =
        |name: &str| (name == "t").then(|| ["a", "b", "r", "ts"].map(str::to_owned).to_vec());
    assert_eq!(view_text(&view, &columns_of), expected);
}

const T: &str = "`default_catalog`.`default_database`.`t`";

#[test]
fn one_table() {
    check(
        "SELECT * FROM t",
        &format!("SELECT `t`.`a`, `t`.`b`, `t`.`r`, `t`.`ts`\nFROM {T} AS `t`"),
    );
    check(
        "SELECT b, COUNT(*) AS n, COUNT(DISTINCT a) FROM t AS x WHERE x.a > 1 \
         AND (b = 'q' OR x.r.y.z = 3) GROUP BY b HAVING COUNT(*) > 1",
        &format!(
            "SELECT `x`.`b`, COUNT(*) AS `n`, COUNT(DISTINCT `x`.`a`)
FROM {T} AS `x`
WHERE `x`.`a` > 1 AND (`x`.`b` = 'q' OR `x`.`r`.`y`.`z` = 3)
GROUP BY `x`.`b`
HAVING COUNT(*) > 1"
        ),
    );
    check(
        "SELECT DISTINCT upper(b) u, r.x, x.r.y FROM t x",
        &format!(
            "SELECT DISTINCT UPPER(`x`.`b`) AS `u`, `x`.`r`.`x`, `x`.`r`.`y`\nFROM {T} AS `x`"
        ),
    );
}

#[test]
fn windows_unions_and_sub_queries() {
    let inner = format!("SELECT `t`.`a`, `t`.`b`, `t`.`r`, `t`.`ts`\nFROM {T} AS `t`");
    check(
        "SELECT window_start, SUM(a) s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
         INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
        &format!(
            "SELECT `EXPR$0`.`window_start`, SUM(`EXPR$0`.`a`) AS `s`
FROM TABLE(TUMBLE(({inner}), DESCRIPTOR(`ts`), INTERVAL '1' MINUTE)) AS `EXPR$0`
GROUP BY `EXPR$0`.`window_start`, `EXPR$0`.`window_end`"
        ),
    );
    check(
        "SELECT a FROM t UNION ALL SELECT a + 1 FROM t WHERE a IN (1,2)",
        &format!(
            "SELECT `t`.`a`\nFROM {T} AS `t`\nUNION ALL\nSELECT `t`.`a` + 1\nFROM {T} AS `t`\n\
             WHERE `t`.`a` IN (1, 2)"
        ),
    );
    check(
        "SELECT q.a2 FROM (SELECT a AS a2 FROM t) AS q",
        &format!("SELECT `q`.`a2`\nFROM (SELECT `t`.`a` AS `a2`\nFROM {T} AS `t`) AS `q`"),
    );
    check(
        "WITH c AS (SELECT a FROM t) SELECT a, SUM(a) FILTER (WHERE a > 1) AS s FROM c GROUP BY a",
        &format!(
            "WITH `c` AS (SELECT `t`.`a`\nFROM {T} AS `t`) SELECT `c`.`a`, \
             SUM(`c`.`a`) FILTER (WHERE `c`.`a` > 1) AS `s`\nFROM `c` AS `c`\nGROUP BY `c`.`a`"
        ),
    );
    check("VALUES (1, 'a'), (2, 'b')", "VALUES ROW(1, 'a'),\nROW(2, 'b')");
    check("SELECT 1 AS x, 'a' || 'b'", "SELECT 1 AS `x`, 'a' || 'b'");
}

#[test]
fn other_queries_stay_as_written() {
    check("SELECT a FROM t ORDER BY a LIMIT 3", "SELECT a FROM t ORDER BY a LIMIT 3");
    check("SELECT a FROM t, nope", "SELECT a FROM t, nope");
}
