-- A TIMESTAMP rowtime knows no zone: no hour is skipped or doubled.
SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE t (ts TIMESTAMP_LTZ(3), n INT, utc AS CONVERT_TZ(CAST(CAST(ts AS TIMESTAMP(0)) AS STRING), 'Europe/Berlin', 'UTC'), wall AS CAST(ts AS TIMESTAMP(3)), WATERMARK FOR wall AS wall - INTERVAL '1' DAY)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/dst.json', 'format' = 'json');
SELECT n, ts, wall, utc FROM t;
SELECT window_start, window_end, SUM(n) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(wall), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;
