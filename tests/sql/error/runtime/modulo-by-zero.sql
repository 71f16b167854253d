CREATE TABLE t (a INT, b INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT MOD(a, b) FROM t;
