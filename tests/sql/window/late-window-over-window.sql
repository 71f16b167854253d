-- The second window gets its rows from fired windows only.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json');
CREATE VIEW inner_windows AS
  SELECT window_start AS s, window_end AS e, window_time AS t, COUNT(*) AS c
  FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY window_start, window_end, window_time;
SELECT window_start, window_end, COUNT(*) AS windows, SUM(c) AS c
FROM TABLE(TUMBLE(TABLE inner_windows, DESCRIPTOR(t), INTERVAL '20' SECONDS)) GROUP BY window_start, window_end;
