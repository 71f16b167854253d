CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
CREATE VIEW tens AS SELECT window_time AS t, k, SUM(price) AS s, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY k, window_start, window_end, window_time;
SELECT window_start, window_end, MAX(s) AS most, SUM(n) AS n, COUNT(*) AS rows_in
FROM TABLE(TUMBLE(TABLE tens, DESCRIPTOR(t), INTERVAL '30' SECONDS)) GROUP BY window_start, window_end;
