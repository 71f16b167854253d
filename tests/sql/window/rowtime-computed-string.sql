-- The rowtime is computed from text with another pattern.
CREATE TABLE t (moment STRING, v INT, ts AS TO_TIMESTAMP(moment, 'dd.MM.yyyy HH:mm:ss'), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/rowtime-computed-string.json', 'format' = 'json');
DESCRIBE t;
SELECT window_start, window_end, SUM(v) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
