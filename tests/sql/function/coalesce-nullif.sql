CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, COALESCE(s, t, 'none') AS a, COALESCE(n, -5) AS b, NULLIF(s, '') AS c, NULLIF(n, 3) AS d, IFNULL(t, '?') AS e, IF(n > 1, 'x', 'yy') AS f, IF(n > 1, 1, CAST(NULL AS INT)) AS g FROM t;
