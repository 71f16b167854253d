-- The same through the table's own strategy.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS ts - INTERVAL '3' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json', 'scan.watermark.emit.strategy' = 'on-event');
SELECT k, window_start, window_end, COUNT(*) AS c, SUM(n) AS s
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
GROUP BY window_start, window_end, k;
