//! CREATE, DROP and LIKE.

use std::collections::BTreeMap;

use crate::session::{Session, SessionOptions, Step};
use crate::show::Cell;
use crate::test_catalog::Connectors;

/// What the last statement of a script prints, or what is refused.
fn last(script: &str) -> String {
    let connectors = Connectors::new();
    let session = Session::new(SessionOptions {
        connectors: &connectors,
        variables: &|_| None,
        settings: BTreeMap::new(),
        overrides: BTreeMap::new(),
        time_zone: "UTC".to_owned(),
        job_name: "job".to_owned(),
    });
    let cell = |cell: &Cell| match cell {
        Cell::Null => "-".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
    };
    let row = |row: &Vec<Cell>| row.iter().map(cell).collect::<Vec<String>>().join("|");
    match session.unwrap().run_script(script) {
        Err(error) => {
            let span = error.span.unwrap_or_default();
            let at = &script[span.start as usize..span.end as usize];
            format!("{} {at}: {}", error.code, error.message)
        }
        Ok(steps) => match steps.last() {
            Some(Step::Rows(rows)) => rows.rows.iter().map(row).collect::<Vec<String>>().join("\n"),
            _ => String::new(),
        },
    }
}

#[track_caller]
fn check(script: &str, expected: &str) {
    assert_eq!(last(script), expected, "{script}");
}

const BASE: &str = "CREATE TABLE base (id INT NOT NULL COMMENT 'the ''id''', ts TIMESTAMP(3), \
    m BIGINT METADATA FROM 'offset' VIRTUAL, c AS id + 1, \
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, \
    PRIMARY KEY (id) NOT ENFORCED) COMMENT 'b' \
    DISTRIBUTED BY HASH (id) INTO 3 BUCKETS PARTITIONED BY (ts) \
    WITH ('connector' = 'file', 'note' = 'it''s');";

#[test]
fn show_create_and_describe() {
    check(
        &format!("{BASE} SHOW CREATE TABLE base"),
        "CREATE TABLE `default_catalog`.`default_database`.`base` (
  `id` INT NOT NULL COMMENT 'the ''id''',
  `ts` TIMESTAMP(3),
  `m` BIGINT METADATA FROM 'offset' VIRTUAL,
  `c` AS `id` + 1,
  WATERMARK FOR `ts` AS `ts` - INTERVAL '5' SECOND,
  CONSTRAINT `PK_id` PRIMARY KEY (`id`) NOT ENFORCED
)
COMMENT 'b'
DISTRIBUTED BY HASH(`id`) INTO 3 BUCKETS
PARTITIONED BY (`ts`)
WITH (
  'connector' = 'file',
  'note' = 'it''s'
)
",
    );
    check(
        &format!("{BASE} DESCRIBE base"),
        "id|INT|false|PRI(id)|-|-|the 'id'
ts|TIMESTAMP(3) *ROWTIME*|true|-|-|`ts` - INTERVAL '5' SECOND|-
m|BIGINT|true|-|METADATA FROM 'offset' VIRTUAL|-|-
c|INT|false|-|AS `id` + 1|-|-",
    );
}

#[test]
fn like() {
    let like = |rest: &str| format!("{BASE} CREATE TABLE t {rest}; SHOW CREATE TABLE t");
    check(
        &like("(z INT) WITH ('connector' = 'out') LIKE base (EXCLUDING ALL)"),
        "CREATE TABLE `default_catalog`.`default_database`.`t` (
  `id` INT NOT NULL COMMENT 'the ''id''',
  `ts` TIMESTAMP(3),
  `z` INT
)
DISTRIBUTED BY HASH(`id`) INTO 3 BUCKETS
WITH (
  'connector' = 'out'
)
",
    );
    check(
        &like(
            "(c AS id * 2, WATERMARK FOR ts AS ts) WITH ('note' = 'n') LIKE base \
             (EXCLUDING PARTITIONS OVERWRITING GENERATED OVERWRITING WATERMARKS \
             EXCLUDING METADATA)",
        ),
        "CREATE TABLE `default_catalog`.`default_database`.`t` (
  `id` INT NOT NULL COMMENT 'the ''id''',
  `ts` TIMESTAMP(3),
  `c` AS `id` * 2,
  WATERMARK FOR `ts` AS `ts`,
  CONSTRAINT `PK_id` PRIMARY KEY (`id`) NOT ENFORCED
)
DISTRIBUTED BY HASH(`id`) INTO 3 BUCKETS
WITH (
  'connector' = 'file',
  'note' = 'n'
)
",
    );
    check(&like("(c AS 1) LIKE base"), "AR1108 c: the table after LIKE has a column 'c' already");
    check(&like("(id INT) LIKE base"), "AR1108 id: the table after LIKE has a column 'id' already");
    check(
        &like("(WATERMARK FOR ts AS ts) LIKE base"),
        "AR1108 WATERMARK FOR ts AS ts: the table 'base' has a watermark already",
    );
    check(
        &like("(PRIMARY KEY (id) NOT ENFORCED) LIKE base"),
        "AR1108 PRIMARY KEY (id): the table 'base' has a primary key already",
    );
    check(
        &like("WITH ('note' = '1') LIKE base (INCLUDING ALL)"),
        "AR1108 'note': the table 'base' has the option 'note' already",
    );
    check(
        &like("LIKE base (OVERWRITING ALL)"),
        "AR1108 OVERWRITING ALL: OVERWRITING works for GENERATED, METADATA, OPTIONS and WATERMARKS",
    );
    check(&like("LIKE bse"), "AR1201 bse: there is no table 'bse'");
}

#[test]
fn wrong_declarations() {
    check("CREATE TABLE t (a INT, a INT)", "AR1109 a: the column 'a' is declared twice");
    check(
        "CREATE TABLE t (a INT, PRIMARY KEY (b) NOT ENFORCED)",
        "AR1109 b: the primary key column 'b' is no column of the table",
    );
    check(
        "CREATE TABLE t (a INT, b AS 1, PRIMARY KEY (b) NOT ENFORCED)",
        "AR1109 b: the primary key column 'b' is not a physical column",
    );
    check(
        "CREATE TABLE t (a INT) PARTITIONED BY (b)",
        "AR1109 b: the partition column 'b' is no column of the table",
    );
    check("CREATE TABLE t WITH ('connector' = 'x')", "AR1109 t: the table 't' has no columns");
    check("CREATE TABLE x.t (a INT)", "AR1112 x.t: there is no database 'x'");
    check(
        "CREATE TABLE t (a INT); CREATE TABLE t (b INT)",
        "AR1107 t: a table or view 't' exists already",
    );
    check(
        "CREATE TABLE t (a INT); CREATE TABLE IF NOT EXISTS t (b INT); DESCRIBE t",
        "a|INT|true|-|-|-",
    );
    check(
        "CREATE TABLE t (a) AS SELECT 1",
        "AR2001 SELECT 1: CREATE TABLE … AS is not supported yet",
    );
}

#[test]
fn drops_and_temporary_objects() {
    let both = "CREATE TABLE t (a INT); CREATE TEMPORARY TABLE t (b INT);";
    check(&format!("{both} DESCRIBE t"), "b|INT|true|-|-|-");
    check(
        &format!("{both} DROP TABLE t"),
        "AR1107 t: a temporary object 't' hides the permanent one",
    );
    check(&format!("{both} DROP TEMPORARY TABLE t; DESCRIBE t"), "a|INT|true|-|-|-");
    check("DROP TABLE t", "AR1201 t: there is no table 't'");
    check("DROP TABLE IF EXISTS t; SHOW TABLES", "");
    check("CREATE VIEW v AS SELECT 1 AS x; DROP TABLE v", "AR1107 v: 'v' is a view");
}
