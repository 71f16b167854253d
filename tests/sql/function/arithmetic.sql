-- Integers wrap, integer division truncates, % keeps the sign of the dividend.
CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, i + 1 AS a, i - s AS b, i * 2 AS c, i / 2 AS d, i % 3 AS e, MOD(i, -3) AS f, -i AS g, +i AS h, b + 1 AS j, b * i AS k, s + s AS l, i / 2.0 AS m, d / 3 AS n, d * i AS o, -m AS p FROM t;
