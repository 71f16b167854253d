-- Nullability through expressions.
CREATE TABLE t (n INT NOT NULL, o INT, s STRING NOT NULL, r ROW<a INT NOT NULL>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/all.json', 'format' = 'json');
CREATE VIEW typed AS SELECT n + 1 AS a, n + o AS b, n / n AS c, s || 'x' AS d, s = 'a' AS e, o IS NULL AS f, NOT (n > 1) AS g, n > 1 AND o > 1 AS h, CAST(n AS STRING) AS i, TRY_CAST(s AS INT) AS j, CAST(s AS INT) AS k, r.a AS l, COALESCE(o, n) AS m, CASE WHEN n > 1 THEN s ELSE 'x' END AS p, ARRAY[n, o] AS q, ROW(n, o) AS u FROM t;
DESCRIBE typed;
