CREATE TABLE t (id INT, m DECIMAL(10, 3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, CEIL(m) AS o, FLOOR(m) AS p FROM t;
