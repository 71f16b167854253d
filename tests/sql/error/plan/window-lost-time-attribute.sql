CREATE TABLE w (id INT, k STRING, ts TIMESTAMP(3), l TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
CREATE VIEW v AS SELECT id, CAST(ts AS TIMESTAMP(3)) AS ts FROM w;
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE v, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
