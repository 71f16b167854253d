-- Windows before 1970: the start is rounded down, not towards zero.
CREATE TABLE aged (ts TIMESTAMP(3), v INT, WATERMARK FOR ts AS ts - INTERVAL '1' DAY)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/before-epoch.json', 'format' = 'json');
SELECT window_start, window_end, SUM(v) AS s FROM TABLE(TUMBLE(TABLE aged, DESCRIPTOR(ts), INTERVAL '7' SECONDS)) GROUP BY window_start, window_end;
SELECT window_start, window_end, SUM(v) AS s FROM TABLE(HOP(TABLE aged, DESCRIPTOR(ts), INTERVAL '7' SECONDS, INTERVAL '14' SECONDS, INTERVAL '1' SECONDS)) GROUP BY window_start, window_end;
