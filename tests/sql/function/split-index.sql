CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, SPLIT_INDEX(s, ',', 0) AS a, SPLIT_INDEX(s, ',', 2) AS b, SPLIT_INDEX(s, t, 1) AS c, SPLIT_INDEX(s, ',', 9) AS d, SPLIT_INDEX(s, ',', -1) AS e, SPLIT_INDEX(s, ' ', 1) AS f, SPLIT_INDEX('a||b', '||', 1) AS g FROM t;
SELECT SPLIT('a,b,,c', ',') AS a, SPLIT('abc', '') AS b, STR_TO_MAP('k1=v1,k2=v2') AS c, PARSE_URL('http://u@h.org:80/p/a?x=1&y=2#r', 'HOST') AS d, PARSE_URL('http://h.org/p?x=1&y=2', 'QUERY', 'y') AS e, ELT(2, 'a', 'b') AS f;
