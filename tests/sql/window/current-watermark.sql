-- CURRENT_WATERMARK is the watermark before the row: NULL first. A filter on it separates late rows.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json');
SELECT n, ts, CURRENT_WATERMARK(ts) AS w FROM events;
SELECT n FROM events WHERE CURRENT_WATERMARK(ts) IS NULL OR ts > CURRENT_WATERMARK(ts);
