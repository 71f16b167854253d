-- When a window of the doubled hour closes: what is late after it, record by record.
SET 'table.local-time-zone' = 'Europe/Berlin';
SET 'pipeline.auto-watermark-interval' = '0 ms';
CREATE TABLE t (ts TIMESTAMP_LTZ(3), n INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/dst-berlin-late.json', 'format' = 'json');
SELECT window_start, window_end, SUM(n) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;
