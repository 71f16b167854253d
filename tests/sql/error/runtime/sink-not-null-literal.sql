CREATE TABLE n (a INT NOT NULL) WITH ('connector' = 'blackhole');
INSERT INTO n VALUES (CAST(NULL AS INT));
