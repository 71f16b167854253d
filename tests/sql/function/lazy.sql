-- AND, OR, CASE, COALESCE and IF evaluate an argument only for the rows that need it.
CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, i <> 0 AND 10 / i > 0 AS a, i = 0 OR 10 / i > 0 AS b, CASE WHEN i = 0 THEN -1 ELSE 10 / i END AS c, IF(i = 0, 0, 10 / i) AS d FROM t WHERE id < 5;
SELECT id FROM t WHERE i <> 0 AND 14 / i = 2;
