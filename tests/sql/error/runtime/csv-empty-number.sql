CREATE TABLE t (a INT, m DECIMAL(5, 2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/empty-number.csv', 'format' = 'csv');
SELECT * FROM t;
