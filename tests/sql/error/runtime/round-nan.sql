CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/nan.json', 'format' = 'json');
SELECT ROUND(CAST(s AS DOUBLE), 1) FROM t;
