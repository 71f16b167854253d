CREATE TABLE t (s TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT s FROM t;
