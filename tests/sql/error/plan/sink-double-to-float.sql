CREATE TABLE t (id INT, s STRING, d DOUBLE, m DECIMAL(10, 2), ts TIMESTAMP(3), arr ARRAY<INT>, r ROW<x INT>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
CREATE TABLE n (a FLOAT) WITH ('connector' = 'blackhole');
INSERT INTO n SELECT d FROM t;
