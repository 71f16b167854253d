-- ABS of the lowest INT is itself.
CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, ABS(i) AS a, ABS(b) AS b, ABS(d) AS c, ABS(m) AS d, ABS(s) AS e, SIGN(i) AS f, SIGN(d) AS g, SIGN(m) AS h FROM t;
