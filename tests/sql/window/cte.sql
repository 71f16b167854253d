CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
WITH cheap AS (SELECT ts, price FROM bids WHERE price < 60),
  totals AS (SELECT window_start, window_end, SUM(price) AS s FROM TABLE(TUMBLE(TABLE cheap, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY window_start, window_end)
SELECT window_end, s, s > 75 AS big FROM totals;
