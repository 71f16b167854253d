CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, `LEFT`(s, 3) AS a, `RIGHT`(s, 3) AS b, LEFT(s, n) AS c, RIGHT(s, n) AS d, LEFT(s, 0) AS e, RIGHT(s, 100) AS f FROM t;
