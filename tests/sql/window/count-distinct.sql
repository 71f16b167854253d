CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_start, COUNT(DISTINCT k) AS k, COUNT(DISTINCT price) AS p, COUNT(DISTINCT CASE WHEN price > 20 THEN k END) AS high, SUM(DISTINCT CHAR_LENGTH(k)) AS len, AVG(DISTINCT price) AS mean
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;
