CREATE TABLE t (id INT, s STRING, d DOUBLE, m DECIMAL(10, 2), ts TIMESTAMP(3), arr ARRAY<INT>, r ROW<x INT>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT SUBSTRING(s) FROM t;
