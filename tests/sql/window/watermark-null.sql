-- A watermark expression that is null does not move the watermark; one that goes back neither.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS CASE WHEN k = 'b' THEN CAST(NULL AS TIMESTAMP(3)) ELSE ts END)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json');
SELECT window_start, COUNT(*) AS c, SUM(n) AS s
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY window_start, window_end;
