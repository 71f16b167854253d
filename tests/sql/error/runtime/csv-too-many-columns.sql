CREATE TABLE t (a STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/bad.csv', 'format' = 'csv');
SELECT * FROM t;
