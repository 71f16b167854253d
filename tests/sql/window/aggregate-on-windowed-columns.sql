-- Grouping an already windowed result by its window columns is a window aggregate again.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_start, window_end, MAX(s) AS most, COUNT(*) AS keys FROM (
  SELECT k, window_start, window_end, SUM(price) AS s FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY k, window_start, window_end
) GROUP BY window_start, window_end;
