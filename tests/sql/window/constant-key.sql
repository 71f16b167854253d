CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT 'all' AS reach, window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
SELECT reach, window_start, COUNT(*) AS n FROM (SELECT 'x' AS reach, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE))) GROUP BY reach, window_start, window_end;
