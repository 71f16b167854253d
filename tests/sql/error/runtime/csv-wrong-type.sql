CREATE TABLE t (a INT, b INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/bad.csv', 'format' = 'csv');
SELECT * FROM t;
