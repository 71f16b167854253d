CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, UPPER(s) AS u, LOWER(s) AS l, INITCAP(s) AS i, INITCAP('heLLo wORLD-foo_bar 1st o''neil') AS j , UPPER(s || 'ß ŉ i') AS k FROM t;
