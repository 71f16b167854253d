-- window_time grouped with the window is its end minus 1 ms and still a time attribute.
CREATE TABLE bids (ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
CREATE VIEW w AS SELECT window_start, window_end, window_time, SUM(price) AS s
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY window_start, window_end, window_time;
DESCRIBE w;
SELECT * FROM w;
