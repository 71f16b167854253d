CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'jsonn');
SELECT * FROM t;
