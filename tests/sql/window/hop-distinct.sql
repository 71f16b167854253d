-- Slices are merged: a value seen in two slices of a window counts once.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_start, COUNT(DISTINCT k) AS keys, COUNT(DISTINCT price / 40) AS s, COUNT(k) AS n, AVG(price) AS mean
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS, INTERVAL '20' SECONDS))
GROUP BY window_start, window_end;
