SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json');
SELECT k, window_start, window_end, COUNT(*) AS c, SUM(n) AS s
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS, INTERVAL '30' SECONDS))
GROUP BY k, window_start, window_end;
