-- SUM keeps an integer type and wraps; DECIMAL becomes DECIMAL(38, s), null when it overflows.
CREATE TABLE numbers (ts TIMESTAMP(3), k STRING, t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, m DECIMAL(10, 2), w DECIMAL(38, 0),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
CREATE VIEW aggregated AS SELECT k, SUM(t) AS t, SUM(s) AS s, SUM(i) AS i, SUM(b) AS b, SUM(f) AS f, SUM(d) AS d, SUM(m) AS m, SUM(w) AS w
  FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
DESCRIBE aggregated;
SELECT * FROM aggregated;
