CREATE TABLE t (a INT, b INT, a STRING) WITH ('connector' = 'print');
