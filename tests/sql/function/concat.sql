-- || and CONCAT are NULL with any NULL, CONCAT_WS skips NULLs and is NULL with a NULL separator.
CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, s || '-' || t AS a, CONCAT(s, '-', t) AS b, CONCAT_WS('~', s, t, 'z') AS c, CONCAT_WS(t, 'x', s, 'y') AS d, CONCAT('n=', CAST(n AS STRING)) AS e FROM t;
