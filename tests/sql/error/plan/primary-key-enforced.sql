CREATE TABLE t (a INT, PRIMARY KEY (a) ENFORCED) WITH ('connector' = 'print');
