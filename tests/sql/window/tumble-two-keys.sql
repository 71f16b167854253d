-- Two keys, one of them a nested field, nulls in both; keys before and after the window columns.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, item ROW<id INT, name STRING>, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_end, k, id, COUNT(*) AS n
FROM (SELECT k, item.id AS id, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS)))
GROUP BY k, window_start, id, window_end;
