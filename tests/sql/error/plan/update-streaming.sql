CREATE TABLE out_t (id INT, s STRING) WITH ('connector' = 'blackhole');
UPDATE out_t SET s = 'x' WHERE id = 1;
