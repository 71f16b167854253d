CREATE TABLE t (z BYTES) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT z FROM t;
