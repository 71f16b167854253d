-- Sizes in other units and shapes: milliseconds, days, a compound interval, a sum of intervals.
CREATE TABLE bids (ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT ts, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '0.250' SECOND));
SELECT ts, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' DAY)) WHERE price = 10;
SELECT ts, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '7' DAY)) WHERE price = 10;
SELECT ts, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1:30' MINUTE TO SECOND)) WHERE price = 10;
SELECT ts, window_start, window_end FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '0 00:00:45' DAY TO SECOND)) WHERE price = 10;
