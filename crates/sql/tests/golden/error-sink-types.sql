CREATE TABLE s (a BIGINT, b STRING) WITH ('connector' = 'datagen');
CREATE TABLE t (a INT, b STRING) WITH ('connector' = 'print');
INSERT INTO t SELECT * FROM s;
