-- AVG keeps an integer type and truncates towards zero; DECIMAL(p, s) becomes DECIMAL(38, max(6, s)).
CREATE TABLE numbers (ts TIMESTAMP(3), k STRING, t TINYINT, s SMALLINT, i INT, b BIGINT, f FLOAT, d DOUBLE, m DECIMAL(10, 2), w DECIMAL(38, 0),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
CREATE VIEW aggregated AS SELECT k, AVG(t) AS t, AVG(s) AS s, AVG(i) AS i, AVG(b) AS b, AVG(f) AS f, AVG(d) AS d, AVG(m) AS m, AVG(w) AS w
  FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
DESCRIBE aggregated;
SELECT * FROM aggregated;
