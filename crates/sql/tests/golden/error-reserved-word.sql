CREATE TABLE t (id INT, timestamp BIGINT) WITH ('connector' = 'print');
