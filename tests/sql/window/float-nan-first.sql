-- MIN and MAX keep a NaN that comes first: nothing compares with it.
CREATE TABLE t (ts TIMESTAMP(3), k STRING, x STRING, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/float-nan-first.json', 'format' = 'json');
CREATE VIEW v AS SELECT ts, k, CAST(x AS DOUBLE) AS d FROM t;
SELECT k, MIN(d) AS a, MAX(d) AS b FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
