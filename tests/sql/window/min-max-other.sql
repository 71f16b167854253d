-- MIN and MAX of strings (by bytes), dates, times, timestamps and booleans.
CREATE TABLE things (ts TIMESTAMP(3), w STRING, d DATE, t TIME(3), l TIMESTAMP_LTZ(3), b BOOLEAN, c CHAR(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/min-max-other.json', 'format' = 'json');
SELECT MIN(w) AS w1, MAX(w) AS w2, MIN(d) AS d1, MAX(d) AS d2, MIN(t) AS t1, MAX(t) AS t2, MIN(l) AS l1, MAX(l) AS l2, MIN(b) AS b1, MAX(b) AS b2,
  MIN(c) AS c1, MAX(c) AS c2, COUNT(DISTINCT w) AS dw, COUNT(DISTINCT b) AS db, MAX(ts) AS m
FROM TABLE(TUMBLE(TABLE things, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
