-- A zone with a half hour: hourly windows begin at the local full hour.
SET 'table.local-time-zone' = 'Asia/Kolkata';
CREATE TABLE t (ts TIMESTAMP_LTZ(3), n INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/dst.json', 'format' = 'json');
SELECT window_start, window_end, window_time, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, window_time;
