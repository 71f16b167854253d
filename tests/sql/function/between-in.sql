CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, n BETWEEN 1 AND 3 AS a, n NOT BETWEEN 1 AND 3 AS b, n BETWEEN 3 AND 1 AS c, n BETWEEN SYMMETRIC 3 AND 1 AS d, n IN (1, 3) AS e, n NOT IN (1, 3) AS f,
  n IN (1, CAST(NULL AS INT)) AS g, n NOT IN (1, CAST(NULL AS INT)) AS h, t IN ('a', 'o') AS i, s BETWEEN 'A' AND 'b' AS j, n IN (1, 2.5, 20) AS k FROM t;
