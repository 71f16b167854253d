CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, TO_BASE64(s) AS a, FROM_BASE64(TO_BASE64(s)) AS b, HEX(s) AS c, HEX(n) AS d, ASCII(s) AS e, ASCII(t) AS f, CHR(65 + n) AS g, BIN(n) AS h, UNHEX('4142') AS i, ENCODE(t, 'UTF-8') AS j, DECODE(ENCODE(s, 'UTF-16BE'), 'UTF-16BE') AS k FROM t;
