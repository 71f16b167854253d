CREATE TABLE t (id INT, m DECIMAL(10, 3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, ROUND(m) AS c, ROUND(m, 2) AS e, ROUND(m, -1) AS f FROM t;
