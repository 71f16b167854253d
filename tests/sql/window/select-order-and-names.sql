-- Unnamed aggregates are EXPR$n by their place; quoted names keep their case.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT COUNT(*), k AS `Key`, SUM(price), window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k;
