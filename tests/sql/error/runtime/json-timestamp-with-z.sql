CREATE TABLE t (z TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT z FROM t;
