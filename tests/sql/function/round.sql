-- Half away from zero; DECIMAL and DOUBLE; negative digits; TRUNCATE; CEIL and FLOOR keep the type.
CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, ROUND(d) AS a, ROUND(d, 1) AS b, ROUND(m) AS c, ROUND(m, 2) AS e, ROUND(m, -1) AS f, ROUND(i, -1) AS g, TRUNCATE(i, -1) AS k, CEIL(d) AS l, FLOOR(d) AS n, CEIL(m) AS o, FLOOR(m) AS p, CEILING(i) AS q FROM t;
