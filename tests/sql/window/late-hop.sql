-- A row that is late for one window still counts in the later windows over its slice.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json');
SELECT window_start, window_end, COUNT(*) AS c, SUM(n) AS s
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS, INTERVAL '20' SECONDS))
GROUP BY window_start, window_end;
