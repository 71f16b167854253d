CREATE TABLE t (a INT, b AS UPPER(a) || TRUE) WITH ('connector' = 'print');
