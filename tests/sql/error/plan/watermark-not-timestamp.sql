CREATE TABLE t (a INT, WATERMARK FOR a AS a - 5) WITH ('connector' = 'print');
