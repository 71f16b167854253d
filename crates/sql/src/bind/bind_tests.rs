//! Queries and their plans, refusals and their messages.

use crate::test_catalog::plan;

const TABLES: &str = "
CREATE TABLE bids (
  ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'file');
CREATE TABLE orders (
  id STRING NOT NULL,
  amount DECIMAL(10, 2),
  item ROW<name STRING NOT NULL, size ROW<w INT, h INT>> NOT NULL,
  tags ARRAY<STRING>,
  written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  made AS TO_TIMESTAMP(id),
  p AS PROCTIME(),
  WATERMARK FOR written AS written
) WITH ('connector' = 'log');
CREATE TABLE totals (
  k STRING, total BIGINT NOT NULL, e TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED
) WITH ('connector' = 'log');
CREATE TABLE printed (n INT) WITH ('connector' = 'out');
CREATE VIEW tens AS
  SELECT k, window_start, window_end, window_time AS t, SUM(price) AS s
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
  GROUP BY k, window_start, window_end, window_time;
";

fn check(query: &str, expected: &str) {
    let shown = plan(&format!("{TABLES}{query}"));
    let trim = |text: &str| text.lines().map(str::trim).collect::<Vec<&str>>().join("\n");
    assert_eq!(trim(&shown), trim(expected.trim()), "\n{query}\n{shown}");
}

/// The output of a query's last node: names and types.
fn check_types(query: &str, expected: &str) {
    let shown = plan(&format!("{TABLES}{query}"));
    let last = shown.lines().last().unwrap_or_default();
    let types = last.split_once("Collect [").and_then(|(_, rest)| rest.rsplit_once(']'));
    assert_eq!(types.map(|(types, _)| types), Some(expected), "\n{query}\n{shown}");
}

/// The first line of what is wrong with a query, and the text it points at.
fn check_refused(query: &str, expected: &str) {
    let shown = plan(&format!("{TABLES}{query}"));
    assert!(shown.starts_with(expected), "\n{query}\n{shown}");
}

#[test]
fn aggregates_of_a_window() {
    check(
        "SELECT k, window_start, SUM(price) * 2 + COUNT(*) AS s FROM TABLE(TUMBLE(TABLE bids, \
         DESCRIPTOR(ts), INTERVAL '10' SECONDS)) WHERE price > 3 GROUP BY window_start, \
         window_end, k HAVING COUNT(*) > 1",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing [TUMBLE(10 s)]
         1: Calc [k, price, ts AS rowtime] where (price > 3) ← 0
         2: Aggregate [k] [SUM(price), COUNT(*)] [start] TUMBLE(10 s) of rowtime ← 1
         3: Calc [k, window_start, (CAST((aggregate0 * 2) AS BIGINT) + aggregate1) AS s] where (aggregate1 > 1) ← 2
         4: Collect [k STRING, window_start TIMESTAMP(3) NOT NULL, s BIGINT] ← 3",
    );
}

#[test]
fn filter_on_window_columns_leaves_the_windows_attached() {
    check(
        "SELECT window_end, MAX(price) AS m FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), \
         INTERVAL '5' SECOND, INTERVAL '10' SECOND)) WHERE window_start > TIMESTAMP \
         '2024-01-01 00:00:00' AND price > 0 GROUP BY window_start, window_end",
        "0: Source bids reads (ts, price) → [ts, price], watermark (ts - INTERVAL '5' SECOND) closing [HOP(5 s, 10 s)]
         1: Calc [ts, price] where (price > 0) ← 0
         2: WindowTable HOP(5 s, 10 s) of ts ← 1
         3: Calc [price, window_start, window_end] where (window_start > TIMESTAMP '2024-01-01 00:00:00') ← 2
         4: Aggregate [] [MAX(price)] [end] HOP(5 s, 10 s) in window_start, window_end ← 3
         5: Calc [window_end, aggregate0 AS m] ← 4
         6: Collect [window_end TIMESTAMP(3) NOT NULL, m INT] ← 5",
    );
}

#[test]
fn window_over_a_windowed_result() {
    check(
        "SELECT window_end, SUM(s) FROM TABLE(TUMBLE(TABLE (SELECT t, s FROM tens), \
         DESCRIPTOR(t), INTERVAL '30' SECOND)) GROUP BY window_start, window_end",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing [TUMBLE(10 s)]
         1: Calc [k, price, ts AS rowtime] ← 0
         2: Aggregate [k] [SUM(price)] [time] TUMBLE(10 s) of rowtime ← 1
         3: Calc [aggregate0 AS s, window_time AS rowtime] ← 2
         4: Aggregate [] [SUM(s)] [end] TUMBLE(30 s) of rowtime ← 3
         5: Calc [window_end, aggregate0 AS EXPR$1] ← 4
         6: Collect [window_end TIMESTAMP(3) NOT NULL, EXPR$1 INT] ← 5",
    );
}

#[test]
fn windowed_results_are_grouped_again_by_their_window() {
    check(
        "SELECT window_start, window_end, MAX(s) FROM tens GROUP BY window_start, window_end",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing [TUMBLE(10 s)]
         1: Calc [k, price, ts AS rowtime] ← 0
         2: Aggregate [k] [SUM(price)] [start, end] TUMBLE(10 s) of rowtime ← 1
         3: Calc [aggregate0 AS s, window_start, window_end] ← 2
         4: Aggregate [] [MAX(s)] [start, end] TUMBLE(10 s) in window_start, window_end ← 3
         5: Calc [window_start, window_end, aggregate0 AS EXPR$2] ← 4
         6: Collect [window_start TIMESTAMP(3) NOT NULL, window_end TIMESTAMP(3) NOT NULL, EXPR$2 INT] ← 5",
    );
}

#[test]
fn union_below_a_window() {
    check(
        "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE (SELECT ts, k FROM bids WHERE \
         price > 1 UNION ALL SELECT ts, 'x' FROM bids), DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
         WHERE k <> 'y' GROUP BY window_start, window_end",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing [TUMBLE(1 min)]
         1: Calc [ts] where ((price > 1) AND (k <> 'y')) ← 0
         2: Calc [ts] where ('x' <> 'y') ← 0
         3: Union ← 1, 2
         4: Aggregate [] [COUNT(*)] [start] TUMBLE(1 min) of ts ← 3
         5: Calc [window_start, aggregate0 AS EXPR$1] ← 4
         6: Collect [window_start TIMESTAMP(3) NOT NULL, EXPR$1 BIGINT NOT NULL] ← 5",
    );
}

#[test]
fn proctime_windows_need_no_time_column() {
    check(
        "SELECT window_start, COUNT(*) FROM TABLE(CUMULATE(TABLE orders, DESCRIPTOR(p), \
         INTERVAL '1' MINUTE, INTERVAL '1' HOUR)) GROUP BY window_start, window_end",
        "0: Source orders reads ()+timestamp → [timestamp AS written], watermark written closing []
         1: Calc [0 AS ] ← 0
         2: Aggregate [] [COUNT(*)] [start] CUMULATE(1 min, 1 h) of proctime ← 1
         3: Calc [window_start, aggregate0 AS EXPR$1] ← 2
         4: Collect [window_start TIMESTAMP(3) NOT NULL, EXPR$1 BIGINT NOT NULL] ← 3",
    );
}

#[test]
fn only_what_is_read_is_produced() {
    check(
        "SELECT item.size.w, UPPER(item.name) FROM orders WHERE tags[1] = 'x' AND made IS NOT NULL",
        "0: Source orders reads (id, item(name, size(w)), tags)+timestamp → [item.name, item.size.w, tags, timestamp AS written, TO_TIMESTAMP(id) AS made], watermark written closing []
         1: Calc [item.size.w AS w, UPPER(item.name) AS EXPR$1] where (([](tags, 1) = 'x') AND (made IS NOT NULL)) ← 0
         2: Collect [w INT, EXPR$1 STRING NOT NULL] ← 1",
    );
}

#[test]
fn views_and_sources_are_shared() {
    check(
        "EXECUTE STATEMENT SET BEGIN \
         INSERT INTO totals SELECT k, CAST(s AS BIGINT), window_end FROM tens; \
         INSERT INTO totals SELECT k, COUNT(*), window_end FROM TABLE(TUMBLE(TABLE bids, \
         DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY k, window_start, window_end; \
         INSERT INTO printed SELECT s FROM tens WHERE s > 5; \
         END",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing [TUMBLE(10 s), TUMBLE(1 h)]
         1: Calc [k, price, ts AS rowtime] ← 0
         2: Aggregate [k] [SUM(price)] [end] TUMBLE(10 s) of rowtime ← 1
         3: Calc [k, CAST(aggregate0 AS BIGINT) AS EXPR$1, window_end] ← 2
         4: Sink totals not null [0, 1] metadata [] ← 3
         5: Calc [k, ts AS rowtime] ← 0
         6: Aggregate [k] [COUNT(*)] [end] TUMBLE(1 h) of rowtime ← 5
         7: Sink totals not null [0] metadata [] ← 6
         8: Calc [aggregate0 AS s] where (aggregate0 > 5) ← 2
         9: Sink printed not null [] metadata [] ← 8",
    );
}

#[test]
fn two_phases_and_exchanges() {
    check(
        "SET 'parallelism.default' = '4'; INSERT INTO totals SELECT k, COUNT(*), window_end FROM \
         TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY k, window_start, \
         window_end",
        "0: Source bids reads (ts, k) → [ts, k], watermark (ts - INTERVAL '5' SECOND) closing [TUMBLE(1 h)] ×4
         1: Calc [k, ts AS rowtime] ×4 ← 0
         2: Local [k] [COUNT(*)] [end] TUMBLE(1 h) of rowtime ×4 ← 1
         3: Global TUMBLE(1 h) ×4 ← hash[0] 2
         4: Sink totals not null [0] metadata [] ×4 ← 3",
    );
    check(
        "SET 'parallelism.default' = '4'; SELECT k, COUNT(DISTINCT price) FROM \
         TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY k, window_start, \
         window_end",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing [TUMBLE(1 h)] ×4
         1: Calc [k, price, ts AS rowtime] ×4 ← 0
         2: Aggregate [k] [COUNT(DISTINCT price)] [] TUMBLE(1 h) of rowtime ×4 ← hash[0] 1
         3: Collect [k STRING, EXPR$1 BIGINT NOT NULL] ← single 2",
    );
}

#[test]
fn sinks_by_position_and_by_list() {
    check(
        "INSERT INTO totals (total, k) SELECT price, k FROM bids",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing []
         1: Calc [k, CAST(price AS BIGINT) AS total, NULL AS e] ← 0
         2: Sink totals not null [0, 1] metadata [] ← 1",
    );
    check(
        "INSERT INTO totals VALUES ('a', 1, CAST(NULL AS TIMESTAMP(3)))",
        "0: Values 1 rows [EXPR$0 CHAR(1) NOT NULL, EXPR$1 INT NOT NULL, EXPR$2 TIMESTAMP(3)]
         1: Calc [CAST(EXPR$0 AS STRING) AS k, CAST(EXPR$1 AS BIGINT) AS total, EXPR$2 AS e] ← 0
         2: Sink totals not null [] metadata [] ← 1",
    );
}

#[test]
fn union_of_unions_is_one_and_constants_are_cast() {
    check(
        "INSERT INTO totals SELECT 'a', 1, ts FROM bids UNION ALL SELECT 'bcd', 2, ts FROM bids \
         UNION ALL SELECT k, price, ts FROM bids",
        "0: Source bids reads (ts, k, price) → [ts, k, price], watermark (ts - INTERVAL '5' SECOND) closing []
         1: Calc ['a' AS k, 1 AS total, ts AS e] ← 0
         2: Calc ['bcd' AS k, 2 AS total, ts AS e] ← 0
         3: Calc [k, CAST(price AS BIGINT) AS total, ts AS e] ← 0
         4: Union ← 1, 2, 3
         5: Sink totals not null [0, 1] metadata [] ← 4",
    );
}

#[test]
fn types_are_flinks() {
    check_types(
        "SELECT 1, 'a' || 'bc', 1.50, NULLIF(1, 2), X'00ff', DATE '2024-02-29'",
        "EXPR$0 INT NOT NULL, EXPR$1 CHAR(3) NOT NULL, EXPR$2 DECIMAL(3, 2) NOT NULL, EXPR$3 INT, EXPR$4 BINARY(2) NOT NULL, EXPR$5 DATE NOT NULL",
    );
    check_types(
        "SELECT CASE WHEN price > 1 THEN 'a' ELSE 'bcd' END, price / 2.0 FROM bids",
        "EXPR$0 VARCHAR(3) NOT NULL, EXPR$1 DECIMAL(17, 6)",
    );
    check_types(
        "SELECT item.*, item.size.h, tags[1], ROW(1, id) FROM orders",
        "name STRING NOT NULL, size ROW<`w` INT, `h` INT>, h INT, EXPR$3 STRING, EXPR$4 ROW<`EXPR$0` INT NOT NULL, `EXPR$1` STRING NOT NULL> NOT NULL",
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
        "EXPR$0 DECIMAL(38, 6), EXPR$1 DECIMAL(38, 2), EXPR$2 BIGINT NOT NULL, EXPR$3 TIMESTAMP_LTZ(3)",
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
        "wrong AR1202: field 'nam' not found in ROW<`name` STRING NOT NULL, `size` ROW<`w` INT, `h` INT>> NOT NULL
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
        "wrong AR1209: Column types of query result and sink for 'default_catalog.default_database.printed' do not match.
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
    check_refused("SELECT * FROM printed", "wrong AR1210: the table 'printed' cannot be read");
    check_refused(
        "SELECT k FROM bids /*+ OPTIONS('nothing' = '1') */",
        "wrong AR1210: table 'bids': unknown option 'nothing'",
    );
}

#[test]
fn what_does_not_run_yet() {
    let window = "TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY))";
    let cases = [
        ("SELECT k, COUNT(*) FROM bids GROUP BY k", "AR2201"),
        ("SELECT DISTINCT k FROM bids", "AR2201"),
        (&format!("SELECT COUNT(*) FROM {window} GROUP BY window_start"), "AR2201"),
        (&format!("SELECT k FROM {window} GROUP BY ROLLUP (k), window_start"), "AR2201"),
        ("SELECT 1 FROM bids, orders", "AR2202"),
        ("SELECT 1 FROM bids JOIN orders ON k = id", "AR2202"),
        ("SELECT SUM(price) OVER (ORDER BY ts) FROM bids", "AR2203"),
        ("SELECT k FROM bids LIMIT 3", "AR2204"),
        ("SELECT k FROM bids ORDER BY ts", "AR2204"),
        ("SELECT k FROM bids UNION SELECT k FROM bids", "AR2205"),
        ("SELECT k FROM bids WHERE k IN (SELECT id FROM orders)", "AR2206"),
        ("SELECT * FROM TABLE(SESSION(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY))", "AR2207"),
        ("SELECT COUNT(*) FROM bids GROUP BY TUMBLE(ts, INTERVAL '1' DAY)", "AR2207"),
    ];
    for (query, code) in cases {
        check_refused(query, &format!("unsupported {code}: "));
    }
    check_refused("SELECT k FROM bids ORDER BY k", "wrong AR1214: sorting a stream");
}
