-- Searched and simple CASE; no ELSE is NULL; NULL matches no WHEN; branch types are unified.
CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, CASE WHEN n > 1 THEN 'many' WHEN n = 1 THEN 'one' END AS a, CASE n WHEN 1 THEN 'one' WHEN NULL THEN 'null' ELSE 'other' END AS b,
  CASE WHEN n IS NULL THEN 1 WHEN n > 2 THEN 2.5 ELSE 100000000000 END AS c, CASE WHEN s = '' THEN NULL ELSE n END AS d,
  CASE WHEN n > 0 THEN 10 / n ELSE 0 END AS guarded FROM t;
