CREATE TABLE t (a INT) WITH ('connector' = 'kafkaa');
SELECT * FROM t;
