CREATE TABLE bids (ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
SELECT window_start, window_end, COUNT(*) AS n
FROM TABLE(TUMBLE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '10' SECONDS))
GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(*) AS n
FROM TABLE(TUMBLE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '10' SECONDS, `OFFSET` => INTERVAL '2' SECONDS))
GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(*) AS n
FROM TABLE(HOP(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '30' SECONDS, SIZE => INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;
SELECT window_start, window_end, COUNT(*) AS n
FROM TABLE(CUMULATE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), STEP => INTERVAL '30' SECONDS, SIZE => INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;
