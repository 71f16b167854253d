CREATE TABLE s (a INT) WITH ('connector' = 'datagen');
CREATE TABLE t (a INT) WITH ('connector' = 'print');
INSERT INTO t SELECT * FROM s;
SET 'pipeline.name' = 'another';
INSERT INTO t SELECT a + 1 FROM s;
