CREATE TABLE t (i INT, b BIGINT, f FLOAT, d DOUBLE, m DECIMAL(10, 3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/none.json', 'format' = 'json');
CREATE VIEW typed AS SELECT ROUND(i) AS a, ROUND(b, 2) AS b, ROUND(f, 1) AS c, ROUND(d, 1) AS d, ROUND(m) AS e, ROUND(m, 2) AS f, ROUND(m, 5) AS g, ROUND(m, -2) AS h, TRUNCATE(m, 1) AS i, TRUNCATE(d, 1) AS j, CEIL(m) AS k, FLOOR(m) AS l, CEIL(d) AS n, FLOOR(i) AS o, ABS(m) AS p, SIGN(m) AS q, SIGN(i) AS r, POWER(i, 2) AS s, SQRT(i) AS t, MOD(i, b) AS u FROM t;
DESCRIBE typed;
