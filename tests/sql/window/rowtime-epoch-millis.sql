-- Epoch milliseconds make a TIMESTAMP_LTZ rowtime; windows are local to the session's zone.
SET 'table.local-time-zone' = 'America/New_York';
CREATE TABLE t (ms BIGINT, v INT, ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/rowtime-epoch-millis.json', 'format' = 'json');
SELECT window_start, window_end, window_time, SUM(v) AS s, MAX(ts) AS m FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' DAY)) GROUP BY window_start, window_end, window_time;
