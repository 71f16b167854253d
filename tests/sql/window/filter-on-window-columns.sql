CREATE TABLE bids (ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_start, window_end, SUM(price) AS s FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
WHERE window_start >= TIMESTAMP '2024-03-01 10:00:10' GROUP BY window_start, window_end
HAVING window_end < TIMESTAMP '2024-03-01 10:01:00';
