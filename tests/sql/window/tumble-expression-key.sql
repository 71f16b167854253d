-- An expression as key, and the same expression inside the select list.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT UPPER(COALESCE(k, 'none')) AS key, CASE WHEN price > 40 THEN 'high' ELSE 'low' END AS class, window_start, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY UPPER(COALESCE(k, 'none')), CASE WHEN price > 40 THEN 'high' ELSE 'low' END, window_start, window_end;
