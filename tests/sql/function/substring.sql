-- 1-based; 0 and negative starts; code points, not bytes.
CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, SUBSTRING(s, 2) AS a, SUBSTRING(s FROM 2 FOR 3) AS b, SUBSTRING(s, 0, 2) AS c, SUBSTRING(s, -3) AS d, SUBSTRING(s, -3, 2) AS e, SUBSTR(s, 1, 100) AS f, SUBSTRING(s, n) AS g, SUBSTRING(s, 5, 0) AS h, SUBSTRING(s, 9, 1) AS i, SUBSTRING(s, -20, 12) AS j FROM t;
