-- A row is late when the watermark has reached the end of its window minus 1 ms; judged record by record.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json');
SELECT window_start, window_end, COUNT(*) AS c, SUM(n) AS s, MAX(n) AS last
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
GROUP BY window_start, window_end;
