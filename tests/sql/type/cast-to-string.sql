CREATE TABLE t (b BOOLEAN, bin BYTES, `dec` DECIMAL(10, 2), ti TINYINT, bi BIGINT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3), ts0 TIMESTAMP(0), ts3 TIMESTAMP(3), ts9 TIMESTAMP(9), ltz TIMESTAMP_LTZ(3), arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, y ROW<z STRING>>)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/all.json', 'format' = 'json');
SELECT CAST(b AS STRING) AS b, CAST(bin AS STRING) AS bin, CAST(`dec` AS STRING) AS m, CAST(ti AS STRING) AS ti, CAST(bi AS STRING) AS bi, CAST(f AS STRING) AS f, CAST(d AS STRING) AS d, CAST(dt AS STRING) AS dt, CAST(tm AS STRING) AS tm,
  CAST(ts0 AS STRING) AS ts0, CAST(ts3 AS STRING) AS ts3, CAST(ts9 AS STRING) AS ts9, CAST(ltz AS STRING) AS ltz, CAST(arr AS STRING) AS arr, CAST(mp AS STRING) AS mp, CAST(r AS STRING) AS r FROM t;
