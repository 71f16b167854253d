CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1', 'fields.b.min' = '1');
SELECT * FROM t;
