CREATE TABLE t (id INT, s STRING, d DOUBLE, m DECIMAL(10, 2), ts TIMESTAMP(3), arr ARRAY<INT>, r ROW<x INT>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT id + 1 AS n FROM t WHERE n > 1;
