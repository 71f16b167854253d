-- The watermark 09.999 closes [00, 10); 09.998 does not.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late-tumble-boundary.json', 'format' = 'json');
SELECT window_start, COUNT(*) AS c, SUM(n) AS s
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
GROUP BY window_start, window_end;
