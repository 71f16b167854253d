SET 'table.local-time-zone' = 'America/New_York';
CREATE TABLE t (ts TIMESTAMP_LTZ(3), n INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/dst-new-york-hop.json', 'format' = 'json');
SELECT window_start, window_end, SUM(n) AS s FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '6' HOUR, INTERVAL '1' DAY)) GROUP BY window_start, window_end;
