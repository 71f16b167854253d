-- Any NULL argument makes GREATEST and LEAST NULL.
CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, GREATEST(i, b) AS a, LEAST(i, s, 5) AS b, GREATEST('a', 'B', 'c') AS c, LEAST(d, m) AS d, GREATEST(1, CAST(NULL AS INT)) AS e, LEAST(DATE '2024-01-01', DATE '2023-01-01') AS f FROM t;
