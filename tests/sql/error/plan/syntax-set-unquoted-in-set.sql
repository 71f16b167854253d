CREATE TABLE out_t (id INT, s STRING) WITH ('connector' = 'blackhole');
EXECUTE STATEMENT SET BEGIN INSERT INTO out_t VALUES (1, 'a'); SET 'a' = 'b'; END;
