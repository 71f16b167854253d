CREATE TABLE t (s INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT s FROM t;
