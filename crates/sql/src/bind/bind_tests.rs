//! Queries and their plans, refusals and their messages.

use crate::test_catalog::plan;

const TABLES: &str = "
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'file');
CREATE TABLE orders (
  id STRING NOT NULL,
  amount DECIMAL(10, 2),
  item ROW<name STRING NOT NULL, size ROW<w INT, h INT>> NOT NULL,
  tags ARRAY<STRING>,
  marks MAP<STRING, INT>,
  written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  made AS TO_TIMESTAMP(id),
  p AS PROCTIME(),
  WATERMARK FOR written AS written
) WITH ('connector' = 'log');
CREATE TABLE totals (k STRING, total BIGINT NOT NULL, e TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED)
  WITH ('connector' = 'log');
";

fn check(query: &str, expected: &str) {
    let shown = plan(&format!("{TABLES}{query}"));
    let trim = |text: &str| text.lines().map(str::trim).collect::<Vec<&str>>().join("\n");
    assert_eq!(trim(&shown), trim(expected.trim()), "\n{query}\n{shown}");
}

#[test]
fn tumble_by_key() {
    check(
        "SELECT k, window_start, SUM(price) AS s FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), \
         INTERVAL '10' SECONDS)) GROUP BY window_start, window_end, k",
        "",
    );
}
