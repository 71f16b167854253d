-- Keys of many types at once.
CREATE TABLE things (ts TIMESTAMP(3), w STRING, d DATE, t TIME(3), l TIMESTAMP_LTZ(3), b BOOLEAN, c CHAR(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/min-max-other.json', 'format' = 'json');
SELECT w, d, t, l, b, c, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE things, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY w, d, t, l, b, c, window_start, window_end;
