-- NaN, infinities and negative zero in MIN, MAX, SUM, AVG, COUNT(DISTINCT) and as a key.
CREATE TABLE t (ts TIMESTAMP(3), x STRING, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/float-special.json', 'format' = 'json');
CREATE VIEW v AS SELECT ts, CAST(x AS DOUBLE) AS d FROM t;
SELECT d, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY d, window_start, window_end;
SELECT MIN(d) AS a, MAX(d) AS b, SUM(d) AS s, COUNT(DISTINCT d) AS n FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
