CREATE TABLE t (s ROW<a INT>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT s FROM t;
