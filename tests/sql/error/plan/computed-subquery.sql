CREATE TABLE t (a INT, b AS (SELECT 1)) WITH ('connector' = 'print');
