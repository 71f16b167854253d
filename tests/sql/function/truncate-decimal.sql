CREATE TABLE t (id INT, m DECIMAL(10, 3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, TRUNCATE(m, 1) AS a, TRUNCATE(m) AS b, TRUNCATE(m, -1) AS c FROM t WHERE m IS NOT NULL;
