CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT k, window_start, window_end, COUNT(*) AS n, COUNT(DISTINCT price) AS prices
FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS, INTERVAL '30' SECONDS))
GROUP BY k, window_start, window_end;
