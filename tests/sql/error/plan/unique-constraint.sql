CREATE TABLE t (a INT, UNIQUE (a) NOT ENFORCED) WITH ('connector' = 'print');
