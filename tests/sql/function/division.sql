-- Division by a zero DOUBLE is infinite or NaN; DECIMAL by zero and null guarded.
CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, i / d AS a, d / 0 AS b, d / CAST(0 AS FLOAT) AS c, CAST(i AS DOUBLE) / 0e0 AS e, i / NULLIF(i, 0) AS f, m / NULLIF(m, 0) AS g, 10 % NULLIF(i, 0) AS h FROM t WHERE id <> 5;
