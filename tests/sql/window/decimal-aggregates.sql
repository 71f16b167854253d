-- DECIMAL sums and averages of products and quotients.
CREATE TABLE numbers (ts TIMESTAMP(3), k STRING, i INT, m DECIMAL(10, 2), w DECIMAL(38, 0),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
CREATE VIEW aggregated AS SELECT k, SUM(m * 1.5) AS a, SUM(m) / COUNT(*) AS b, AVG(m / 3) AS c, CAST(SUM(m) AS DECIMAL(12, 1)) AS d, SUM(CAST(i AS DECIMAL(20, 5))) AS e
  FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
DESCRIBE aggregated;
SELECT * FROM aggregated;
