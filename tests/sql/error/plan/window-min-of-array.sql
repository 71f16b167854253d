CREATE TABLE t (id INT, s STRING, d DOUBLE, m DECIMAL(10, 2), ts TIMESTAMP(3), arr ARRAY<INT>, r ROW<x INT>, WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT MIN(arr) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
