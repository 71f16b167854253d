CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, i = 7 AS a, i <> 7 AS b, i < b AS d, i <= 7.0 AS e, d > m AS f, d >= 2.5 AS g, m = 12.345 AS h, i IS DISTINCT FROM s AS j, i IS NOT DISTINCT FROM CAST(NULL AS INT) AS k FROM t;
