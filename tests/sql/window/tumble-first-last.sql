-- FIRST_VALUE and LAST_VALUE go by arrival, not by time.
CREATE TABLE bids (ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_start, window_end, FIRST_VALUE(price) AS f, LAST_VALUE(price) AS l
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECONDS))
GROUP BY window_start, window_end;
