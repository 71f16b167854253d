-- FIRST_VALUE and LAST_VALUE skip nulls and go by arrival.
CREATE TABLE numbers (ts TIMESTAMP(3), k STRING, t TINYINT, b BIGINT, d DOUBLE, m DECIMAL(10, 2),
  WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT FIRST_VALUE(t) AS ft, LAST_VALUE(t) AS lt, FIRST_VALUE(b) AS fb, LAST_VALUE(d) AS ld, FIRST_VALUE(m) AS fm, LAST_VALUE(k) AS lk,
  FIRST_VALUE(d) FILTER (WHERE k = 'null') AS nothing, FIRST_VALUE(k) FILTER (WHERE d IS NULL) AS fk
FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
