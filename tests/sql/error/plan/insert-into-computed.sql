CREATE TABLE t (a INT, b AS a + 1) WITH ('connector' = 'blackhole');
INSERT INTO t VALUES (1, 2);
