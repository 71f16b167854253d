CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_start, COUNT(*) AS n, COUNT(*) FILTER (WHERE k = 'a') AS a, SUM(price) FILTER (WHERE price > 20) AS high,
  COUNT(DISTINCT k) FILTER (WHERE price > 10) AS keys, MAX(price) FILTER (WHERE k = 'zz') AS never, AVG(price) FILTER (WHERE k IS NULL) AS nokey
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
GROUP BY window_start, window_end;
