CREATE TABLE t (a INT, b INT NOT NULL) WITH ('connector' = 'filesystem', 'path' = '${CASE}/nulls.json', 'format' = 'json');
SELECT a, b FROM t;
