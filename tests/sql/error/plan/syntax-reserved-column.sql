CREATE TABLE t (user STRING) WITH ('connector' = 'print');
