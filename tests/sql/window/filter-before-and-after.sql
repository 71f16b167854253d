-- A view that filters below the window, a filter between window and aggregate, a filter over the result.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
CREATE VIEW known AS SELECT ts, k, price * 2 AS twice FROM bids WHERE k IS NOT NULL;
SELECT * FROM (
  SELECT k, window_start, SUM(twice) AS s FROM TABLE(TUMBLE(TABLE known, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
  WHERE twice <> 40 GROUP BY k, window_start, window_end
) WHERE s > 100 OR k = 'a';
