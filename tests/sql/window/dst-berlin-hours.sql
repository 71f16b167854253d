-- The hour that is skipped in spring has no window; both hours that read 02:00 in autumn are one window.
SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE t (ts TIMESTAMP_LTZ(3), n INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/dst.json', 'format' = 'json');
SELECT window_start, window_end, SUM(n) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;
