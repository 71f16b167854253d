CREATE TABLE numbers (ts TIMESTAMP(3), k STRING, t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, m DECIMAL(10, 2), w DECIMAL(38, 0),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
CREATE VIEW aggregated AS SELECT k, MIN(t) AS t, MIN(s) AS s, MAX(i) AS i, MAX(b) AS b, MIN(f) AS f, MAX(d) AS d, MIN(m) AS m, MAX(w) AS w
  FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
DESCRIBE aggregated;
SELECT * FROM aggregated;
