CREATE TABLE bids (ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT * FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '4' SECONDS, INTERVAL '10' SECONDS));
