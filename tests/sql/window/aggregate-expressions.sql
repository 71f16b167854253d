-- Expressions over aggregates, the same aggregate twice, an aggregate of an expression, only some group columns selected.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT SUM(price) * 2 + COUNT(*) AS x, SUM(price * price), ROUND(CAST(SUM(CASE WHEN price > 30 THEN 1 ELSE 0 END) AS DOUBLE) / COUNT(*), 4) AS rate,
  MAX(price) - MIN(price) AS spread, SUM(price) AS s, CAST(window_end AS STRING) AS e
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
GROUP BY k, window_start, window_end;
