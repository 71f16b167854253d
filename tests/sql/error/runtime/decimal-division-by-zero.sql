CREATE TABLE t (a DECIMAL(5, 2), b INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT a / b FROM t;
