CREATE TABLE t (id INT, d DOUBLE) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, TRUNCATE(d) AS a, TRUNCATE(d * 1.37, 2) AS b, TRUNCATE(d * 100, -2) AS c FROM t WHERE d IS NOT NULL AND ABS(d) < 1000;
