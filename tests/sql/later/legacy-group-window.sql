CREATE TABLE w (id INT, k STRING, ts TIMESTAMP(3), l TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT TUMBLE_START(ts, INTERVAL '1' MINUTE) AS s, COUNT(*) AS n FROM w GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE);
