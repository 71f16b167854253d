CREATE TABLE t (a INT) WITH ('connector' = '${PASSWORD}');
SELECT * FROM t;
