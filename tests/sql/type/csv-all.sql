-- Every type out of CSV.
CREATE TABLE t (v VARCHAR(10), b BOOLEAN, m DECIMAL(10, 2), ti TINYINT, sm SMALLINT, i INT, bi BIGINT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3), ts TIMESTAMP(3), l TIMESTAMP_LTZ(3), arr ARRAY<INT>, r ROW<x INT, y STRING>)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/csv-all.csv', 'format' = 'csv', 'csv.null-literal' = 'NULL');
SELECT * FROM t;
