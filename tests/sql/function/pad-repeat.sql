CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, LPAD(s, 12, '*') AS a, RPAD(s, 12, 'xy') AS b, LPAD(s, 2, '*') AS c, RPAD(s, n, '-') AS d, LPAD(CAST('a' AS STRING), 5, t) AS e, LPAD(COALESCE(NULLIF('ab', ''), s), -1, 'x') AS f, REPEAT(t, 3) AS g, REPEAT('ab', n) AS h FROM t;
