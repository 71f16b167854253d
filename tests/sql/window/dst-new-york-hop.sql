SET 'table.local-time-zone' = 'America/New_York';
CREATE TABLE t (ts TIMESTAMP_LTZ(3), n INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/dst-new-york-hop.json', 'format' = 'json');
SELECT window_start, window_end, SUM(n) AS s FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '2' HOUR)) GROUP BY window_start, window_end;
