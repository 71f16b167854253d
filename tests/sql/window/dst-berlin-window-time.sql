SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE t (ts TIMESTAMP_LTZ(3), n INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/dst.json', 'format' = 'json');
SELECT window_start, window_end, window_time, SUM(n) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '30' MINUTE)) GROUP BY window_start, window_end, window_time;
