CREATE TABLE t (id INT, s STRING, d DOUBLE, m DECIMAL(10, 2), ts TIMESTAMP(3), arr ARRAY<INT>, r ROW<x INT>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
CREATE TABLE out_t (id INT, s STRING) WITH ('connector' = 'blackhole');
INSERT INTO out_t SELECT id, id FROM t;
