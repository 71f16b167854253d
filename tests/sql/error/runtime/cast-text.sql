CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT CAST(s AS INT) FROM t;
