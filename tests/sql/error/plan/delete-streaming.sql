CREATE TABLE out_t (id INT, s STRING) WITH ('connector' = 'blackhole');
DELETE FROM out_t WHERE id = 1;
