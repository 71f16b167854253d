CREATE TABLE out_t (id INT, s STRING) WITH ('connector' = 'blackhole');
INSERT INTO out_t VALUES (1, 'a') ON CONFLICT DO NOTHING;
