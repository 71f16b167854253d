-- window_time has the type of the time column, window_start and window_end are local timestamps.
SET 'table.local-time-zone' = 'Asia/Kolkata';
CREATE TABLE bids (ts TIMESTAMP(3), price INT, utc AS CAST(ts AS TIMESTAMP_LTZ(3)), WATERMARK FOR utc AS utc)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT ts, utc, window_start, window_end, window_time FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(utc), INTERVAL '1' HOUR));
