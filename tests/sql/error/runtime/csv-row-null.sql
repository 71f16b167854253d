CREATE TABLE t (a INT, r ROW<x INT, y INT>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/row-null.csv', 'format' = 'csv', 'csv.null-literal' = 'NULL');
SELECT * FROM t;
