-- An interval longer than a literal may be, computed.
CREATE TABLE t (ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - 300 * INTERVAL '1' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/bids.json', 'format' = 'json');
DESCRIBE t;
SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECONDS)) GROUP BY window_start, window_end;
