//! Types of queries, refusals and their messages. Plans are in `golden/`.

use argus_plan::Operator;
use argus_plan::graph::ChangelogMode;

use crate::test_catalog::{graph, plan};

const TABLES: &str = include_str!("../../golden/tables.sql");

fn check(query: &str, expected: &str) {
    let shown = plan(&format!("{TABLES}{query}"));
    let trim = |text: &str| text.lines().map(str::trim).collect::<Vec<&str>>().join("\n");
    assert_eq!(trim(&shown), trim(expected.trim()), "\n{query}\n{shown}");
}

/// Names and types of what a query gives.
fn check_types(query: &str, expected: &str) {
    let graph = graph(&format!("{TABLES}{query}")).unwrap();
    let fields = &graph.nodes.last().unwrap().output;
    let shown: Vec<String> =
        fields.iter().map(|field| format!("{} {}", field.name, field.logical_type)).collect();
    assert_eq!(shown.join(", "), expected, "{query}");
}

/// The first line of what is wrong with a query, and the text it points at.
fn check_refused(query: &str, expected: &str) {
    let shown = plan(&format!("{TABLES}{query}"));
    assert!(shown.starts_with(expected), "\n{query}\n{shown}");
}

#[test]
fn types_are_flinks() {
    check_types(
        "SELECT 1, 'a' || 'bc', 1.50, NULLIF(1, 2), X'00ff', DATE '2024-02-29'",
        "EXPR$0 INT NOT NULL, EXPR$1 CHAR(3) NOT NULL, EXPR$2 DECIMAL(3, 2) NOT NULL, \
         EXPR$3 INT, EXPR$4 BINARY(2) NOT NULL, EXPR$5 DATE NOT NULL",
    );
    check_types(
        "SELECT CASE WHEN price > 1 THEN 'a' ELSE 'bcd' END, price / 2.0 FROM bids",
        "EXPR$0 VARCHAR(3) NOT NULL, EXPR$1 DECIMAL(17, 6)",
    );
    check_types(
        "SELECT item.*, item.size.h, tags[1], ROW(1, id) FROM orders",
        "name STRING NOT NULL, size ROW<`w` INT, `h` INT>, h INT, EXPR$3 STRING, EXPR$4 \
         ROW<`EXPR$0` INT NOT NULL, `EXPR$1` STRING NOT NULL> NOT NULL",
    );
    check_types(
        "SELECT *, price + 1 FROM bids",
        "ts TIMESTAMP(3), k STRING, price INT, EXPR$3 INT",
    );
    check_types(
        "SELECT price, price, k AS price FROM bids",
        "price INT, price0 INT, price1 STRING",
    );
    check_types("SELECT default_database.bids.k, bids.price FROM bids", "k STRING, price INT");
    check_types(
        "SELECT a, c.b FROM (VALUES (1, 'x'), (2, 'yz')) AS c (a, b)",
        "a INT NOT NULL, b VARCHAR(2) NOT NULL",
    );
    check_types(
        "SELECT AVG(amount), SUM(amount), COUNT(DISTINCT id), MAX(written) FROM TABLE(TUMBLE(TABLE \
         orders, DESCRIPTOR(written), INTERVAL '1' DAY)) GROUP BY window_start, window_end",
        "EXPR$0 DECIMAL(38, 6), EXPR$1 DECIMAL(38, 2), EXPR$2 BIGINT NOT NULL, \
         EXPR$3 TIMESTAMP_LTZ(3)",
    );
    check_types(
        "SELECT window_time, p FROM TABLE(TUMBLE(DATA => TABLE orders, TIMECOL => \
         DESCRIPTOR(written), SIZE => INTERVAL '1' DAY, `OFFSET` => INTERVAL '1' HOUR))",
        "window_time TIMESTAMP_LTZ(3) NOT NULL, p TIMESTAMP_LTZ(3) NOT NULL",
    );
}

#[test]
fn names_are_found_or_the_nearest_is_named() {
    check_refused("SELECT nothing FROM bids", "wrong AR1202: column 'nothing' not found");
    check(
        "SELECT pric FROM bids",
        "wrong AR1202: column 'pric' not found in any table
         at: pric
         help: did you mean 'price'?",
    );
    check(
        "SELECT item.nam FROM orders",
        "wrong AR1202: field 'nam' not found in ROW<`name` STRING NOT NULL, `size` \
         ROW<`w` INT, `h` INT>> NOT NULL
         at: item.nam
         help: did you mean 'name'?",
    );
    check(
        "SELECT * FROM bid",
        "wrong AR1201: object 'bid' not found
         at: bid
         help: did you mean 'bids'?",
    );
    check_refused("SELECT UPER(k) FROM bids", "wrong AR1204: no function is called 'UPER'");
    check(
        "SELECT * FROM TABLE(TUMBEL(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY))",
        "wrong AR1204: no table function is called 'TUMBEL'
         at: TUMBEL
         help: did you mean TUMBLE?",
    );
    check(
        "CREATE TABLE t (a INT) WITH ('conector' = 'print'); INSERT INTO t SELECT 1",
        "wrong AR1210: table 't': missing required option 'connector': Where.
         at: 'conector'
         help: did you mean 'connector'?",
    );
    check_refused("SELECT STDDEV_POP(price) FROM bids", "unsupported AR2209: the aggregate STDDEV");
    check_refused(
        "SELECT price FROM (SELECT price, k AS price FROM bids)",
        "wrong AR1203: column 'price' is ambiguous",
    );
    check_refused(
        "CREATE VIEW v AS SELECT price, k AS price FROM bids; SELECT * FROM v",
        "wrong AR1212: a column with the same name 'price' has been defined",
    );
}

#[test]
fn types_that_do_not_fit() {
    check_refused("SELECT k + 1 FROM bids", "wrong AR1205: cannot apply '+' to STRING");
    check_refused("SELECT price FROM bids WHERE price", "wrong AR1205: WHERE must be a condition");
    check_refused("SELECT NULL", "wrong AR1205: illegal use of NULL");
    check_refused("INSERT INTO printed VALUES (NULL)", "wrong AR1205: illegal use of NULL");
    check_refused("SELECT CAST(ts AS INT) FROM bids", "wrong AR1205: cannot cast a value");
    check_refused(
        "SELECT CASE WHEN price = 1 THEN ts ELSE 1 END FROM bids",
        "wrong AR1205: illegal mixing of types in CASE",
    );
    check_refused("SELECT TIMESTAMP '2024-01-01T00:00:00'", "wrong AR1211: illegal TIMESTAMP");
    check_refused("SELECT 1e400", "wrong AR1211: numeric literal '1e400' is out of range");
}

#[test]
fn aggregates_stand_where_they_may() {
    check_refused("SELECT k FROM bids WHERE COUNT(*) > 1", "wrong AR1207: aggregate COUNT");
    check_refused("SELECT SUM(SUM(price)) FROM bids", "wrong AR1207: aggregates cannot be nested");
    check(
        "SELECT price, COUNT(*) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY)) \
         GROUP BY window_start, window_end",
        "wrong AR1206: the expression is neither grouped by nor inside an aggregate
         at: price",
    );
}

#[test]
fn window_functions_are_called_rightly() {
    let tumble = |time: &str, size: &str| {
        format!("SELECT 1 FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR({time}), {size}))")
    };
    check_refused(
        &tumble("price", "INTERVAL '1' DAY"),
        "wrong AR1208: the window function TUMBLE(TABLE table_name, DESCRIPTOR(timecol), datetime \
         interval[, datetime interval]) requires the timecol to be TIMESTAMP or TIMESTAMP_LTZ",
    );
    check_refused(
        &tumble("ts", "INTERVAL '300' SECOND"),
        "wrong AR1211: interval field value 300 exceeds precision of SECOND(2) field",
    );
    check_refused(
        &tumble("ts", "INTERVAL '1' MONTH"),
        "wrong AR1208: expected a constant interval",
    );
    check_refused(&tumble("ts", "INTERVAL '0' SECOND"), "wrong AR1208: the window size must be");
    check_refused(
        "SELECT 1 FROM TABLE(TUMBLE(TABLE (SELECT ts + INTERVAL '1' SECOND AS ts FROM bids), \
         DESCRIPTOR(ts), INTERVAL '1' SECOND))",
        "wrong AR1208: the window function TUMBLE(TABLE table_name, DESCRIPTOR(timecol), datetime \
         interval[, datetime interval]) requires the timecol is a time attribute type",
    );
    let hop = |what: &str, slide: u8| {
        format!(
            "SELECT {what} FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '{slide}' SECOND, \
             INTERVAL '10' SECOND)) GROUP BY window_start, window_end"
        )
    };
    check_refused(&hop("COUNT(*)", 4), "wrong AR1208: HOP table function based aggregate requires");
    check_refused(&hop("LAST_VALUE(k)", 5), "wrong AR1208: LAST_VALUE cannot be merged");
    check_refused(&hop("SUM(DISTINCT price)", 5), "wrong AR1208: SUM(DISTINCT …) cannot be merged");
}

#[test]
fn sinks_take_what_fits() {
    check(
        "INSERT INTO printed SELECT k FROM bids",
        "wrong AR1209: Column types of query result and sink for \
         'default_catalog.default_database.printed' do not match.
         Cause: Incompatible types for sink column 'n' at position 0.

         Query schema: [k: STRING]
         Sink schema:  [n: INT]
         at: SELECT k FROM bids",
    );
    check_refused(
        "INSERT INTO totals (k) SELECT k FROM bids",
        "wrong AR1209: column 'total' has no default value and does not allow NULLs",
    );
    check_refused(
        "INSERT INTO bids SELECT ts, window_time FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), \
         INTERVAL '1' SECOND))",
        "wrong AR1209: the query contains more than one rowtime attribute column [ts, window_time]",
    );
    check_refused(
        "SELECT /*+ FASTER('bids') */ k FROM bids",
        "wrong AR1213: no hint behind SELECT",
    );
    check_refused("SELECT * FROM printed", "wrong AR1210: the table 'printed' cannot be read");
    check_refused(
        "SELECT k FROM bids /*+ OPTIONS('nothing' = '1') */",
        "wrong AR1210: table 'bids': unknown option 'nothing'",
    );
    check_refused(
        "SELECT k FROM bids /*+ OPTIONS('scan.parallelism' = '129') */",
        "wrong AR1210: table 'bids': option 'scan.parallelism' = '129': is above \
         pipeline.max-parallelism, 128",
    );
}

#[test]
fn what_does_not_run_yet() {
    let window = "TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY))";
    let cases = [
        ("SELECT COUNT(*) FROM (SELECT k, COUNT(*) FROM bids GROUP BY k)", "AR2201"),
        ("SELECT DISTINCT n FROM (SELECT k, COUNT(*) AS n FROM bids GROUP BY k)", "AR2201"),
        (
            "SELECT * FROM TABLE(TUMBLE(TABLE (SELECT n, PROCTIME() AS p FROM (SELECT k, COUNT(*) \
             AS n FROM bids GROUP BY k)), DESCRIPTOR(p), INTERVAL '1' DAY))",
            "AR2201",
        ),
        (&format!("SELECT k FROM {window} GROUP BY ROLLUP (k), window_start"), "AR2201"),
        ("SELECT 1 FROM bids, orders", "AR2202"),
        ("SELECT 1 FROM bids JOIN orders ON k = id", "AR2202"),
        ("SELECT SUM(price) OVER (ORDER BY ts) FROM bids", "AR2203"),
        ("SELECT k FROM bids LIMIT 3", "AR2204"),
        ("SELECT k FROM bids ORDER BY ts", "AR2204"),
        ("SELECT k FROM bids INTERSECT SELECT k FROM bids", "AR2205"),
        ("SELECT k FROM bids WHERE k IN (SELECT id FROM orders)", "AR2206"),
        ("SELECT * FROM TABLE(SESSION(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY))", "AR2207"),
        ("SELECT COUNT(*) FROM bids GROUP BY TUMBLE(ts, INTERVAL '1' DAY)", "AR2207"),
    ];
    for (query, code) in cases {
        check_refused(query, &format!("unsupported {code}: "));
    }
    check_refused("SELECT k FROM bids ORDER BY k", "wrong AR1214: sorting a stream");
}

#[test]
fn updates_reach_sinks_that_take_them() {
    let grouped = "SELECT k, COUNT(*), MAX(ts) FROM bids GROUP BY k";
    let table = |key: &str, connector: &str| {
        format!(
            "CREATE TABLE made (k STRING, n BIGINT, t TIMESTAMP(3) {key}) WITH ('connector' = \
             {connector}); INSERT INTO made "
        )
    };
    check(
        &format!("{}{grouped}", table("", "'file'")),
        "wrong AR1215: the table 'made' does not take the updates that an aggregation without a \
         window makes: the connector 'file' only appends
         at: made
         help: aggregate by window, whose rows are final, or write to a table with a PRIMARY KEY \
         whose connector updates rows, such as 'jdbc'",
    );
    let distinct = "SELECT DISTINCT k, CAST(1 AS BIGINT), ts FROM bids";
    check_refused(&format!("{}{distinct}", table("", "'file'")), "wrong AR1215: the table 'made'");
    check_refused(
        &format!("{}{grouped}", table("", "'log'")),
        "wrong AR1215: the table 'made' needs a PRIMARY KEY",
    );
    let by_count = table(", PRIMARY KEY (n) NOT ENFORCED", "'log'");
    check(
        &format!("{by_count}{grouped}"),
        "unsupported AR2210: the query's rows are not known by the PRIMARY KEY (n) of 'made'; \
         finding the row of a key that counts does not run yet
         at: made
         help: declare PRIMARY KEY (k) NOT ENFORCED",
    );
    let off = "SET 'table.exec.sink.upsert-materialize' = 'NONE';";
    graph(&format!("{TABLES}{off}{by_count}{grouped}")).unwrap();
    graph(&format!("{TABLES}{}{grouped}", table(", PRIMARY KEY (n, k) NOT ENFORCED", "'log'")))
        .unwrap();
    let wide = table("", "'out', 'sink.parallelism' = '2'");
    check_refused(
        &format!("{wide}{grouped}"),
        "wrong AR1215: the sink 'made' has the parallelism 2",
    );
}

#[test]
fn a_key_is_known_behind_casts_that_keep_it() {
    let mode = |column: &str, value: &str| {
        let script = format!(
            "{TABLES} CREATE TABLE made (k {column}, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH \
             ('connector' = 'log'); INSERT INTO made SELECT {value}, COUNT(*) FROM bids GROUP BY \
             {value}"
        );
        graph(&script).map(|graph| graph.nodes.last().unwrap().changelog)
    };
    assert_eq!(mode("VARCHAR(10)", "k").unwrap(), ChangelogMode::Upsert);
    assert_eq!(mode("BIGINT", "price").unwrap(), ChangelogMode::Upsert);
    assert_eq!(mode("STRING", "UPPER(k)").unwrap(), ChangelogMode::Upsert);
    assert_eq!(mode("DOUBLE", "price").unwrap_err().code, "AR2210");
    assert_eq!(mode("DATE", "ts").unwrap_err().code, "AR2210");
}

#[test]
fn state_ttl_names_what_is_selected_from() {
    let ttl = |hints: &str, rest: &str| {
        let script = format!("{TABLES} SELECT /*+ {hints} */ {rest}");
        let graph = graph(&script).map_err(|error| error.message)?;
        let aggregate = graph.nodes.iter().find_map(|node| match &node.operator {
            Operator::GroupAggregate(aggregate) => Some(aggregate.ttl.map(|ttl| ttl.as_secs())),
            _ => None,
        });
        Ok::<Option<u64>, String>(aggregate.unwrap())
    };
    let grouped = "k, COUNT(*) FROM bids GROUP BY k";
    assert_eq!(ttl("STATE_TTL('bids' = '1 h')", grouped), Ok(Some(3600)));
    assert_eq!(ttl("STATE_TTL('default_database.bids' = '1 h')", grouped), Ok(Some(3600)));
    assert_eq!(ttl("STATE_TTL('bids' = '1 h', 'bids' = '2 h')", grouped), Ok(Some(7200)));
    assert_eq!(
        ttl("STATE_TTL('bids' = '1 h'), STATE_TTL('bids' = '9 h')", grouped),
        Ok(Some(3600))
    );
    assert_eq!(ttl("STATE_TTL('bids' = '0')", grouped), Ok(None));
    assert_eq!(ttl("STATE_TTL('b' = '1 s')", "DISTINCT k FROM bids AS b"), Ok(Some(1)));
    let error = ttl("STATE_TTL('bids' = '1 h')", "COUNT(*) FROM bids AS b").unwrap_err();
    assert_eq!(error, "STATE_TTL names 'bids', which is no table or alias in FROM");
    let error = ttl("STATE_TTL('bids')", grouped).unwrap_err();
    assert_eq!(error, "STATE_TTL takes pairs: 'table' = '1 d'");
    let error = ttl("STATE_TTL('bids' = '1 fortnight')", grouped).unwrap_err();
    assert!(error.starts_with("the value of STATE_TTL is no duration: "), "{error}");
}
