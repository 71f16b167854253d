-- COUNT is BIGINT NOT NULL; a key column keeps its own type and nullability.
CREATE TABLE numbers (ts TIMESTAMP(3), k STRING NOT NULL, t TINYINT, m DECIMAL(10, 2), d DOUBLE,
  WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
CREATE VIEW aggregated AS SELECT window_start, window_end, k, COUNT(*) AS n, COUNT(t) AS t, COUNT(DISTINCT t) AS dt, COUNT(DISTINCT m) AS dm, COUNT(DISTINCT d) AS dd
  FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
DESCRIBE aggregated;
SELECT * FROM aggregated;
