CREATE TABLE t (a INT) WITH ('connector' = 'datagen');
INSERT INTO t VALUES (1);
