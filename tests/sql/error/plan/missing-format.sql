CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json');
SELECT * FROM t;
