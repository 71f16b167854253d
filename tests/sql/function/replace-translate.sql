CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, REPLACE(s, 'o', '0') AS a, REPLACE(s, t, '[]') AS b, REPLACE('aaa', 'aa', 'b') AS c, TRANSLATE(s, 'lo', 'LO') AS d, TRANSLATE(s, 'abc', 'x') AS e, OVERLAY(s PLACING '##' FROM 2) AS f, OVERLAY(s PLACING '##' FROM 2 FOR 4) AS g, REVERSE(s) AS h FROM t;
