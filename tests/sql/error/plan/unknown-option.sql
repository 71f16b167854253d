CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json', 'nosuch' = 'true');
SELECT * FROM t;
