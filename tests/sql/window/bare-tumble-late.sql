-- A bare window drops no late row.
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE events (n INT, ts TIMESTAMP(3), k STRING, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/late.json', 'format' = 'json');
SELECT n, window_start FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECONDS));
