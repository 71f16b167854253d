-- A view that hides the TVF; the aggregate is written over the view.
CREATE TABLE bids (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
CREATE VIEW windowed AS SELECT * FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS));
SELECT k, window_start, SUM(price) AS s FROM windowed GROUP BY window_start, window_end, k;
SELECT window_start, window_end, COUNT(*) AS n FROM (SELECT window_start, window_end FROM windowed WHERE price IS NOT NULL) GROUP BY window_start, window_end;
