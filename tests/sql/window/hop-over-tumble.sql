CREATE TABLE bids (ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
CREATE VIEW tens AS SELECT window_time AS t, SUM(price) AS s
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY window_start, window_end, window_time;
SELECT window_start, window_end, SUM(s) AS s, COUNT(*) AS n
FROM TABLE(HOP(TABLE tens, DESCRIPTOR(t), INTERVAL '10' SECONDS, INTERVAL '30' SECONDS)) GROUP BY window_start, window_end;
