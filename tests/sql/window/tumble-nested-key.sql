-- A nested field as the group key itself: the output column is EXPR$0 unless named.
CREATE TABLE bids (ts TIMESTAMP(3), item ROW<id INT, name STRING>, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT bids.item.id, window_start, MAX(price) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) AS bids
GROUP BY bids.item.id, window_start, window_end;
