-- Every type out of JSON, nulls, missing fields, extremes. CHAR(n) and DECIMAL out of JSON.
CREATE TABLE t (c CHAR(4), v VARCHAR(10), s STRING, b BOOLEAN, bin BYTES, `dec` DECIMAL(10, 2), ti TINYINT, sm SMALLINT, i INT, bi BIGINT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3),
  ts0 TIMESTAMP(0), ts3 TIMESTAMP(3), ts9 TIMESTAMP(9), ltz TIMESTAMP_LTZ(3), arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, y ROW<z STRING>>, ar ARRAY<ROW<x INT>>)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/all.json', 'format' = 'json');
DESCRIBE t;
SELECT * FROM t;
