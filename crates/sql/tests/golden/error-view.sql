CREATE TABLE s (a INT) WITH ('connector' = 'datagen');
CREATE VIEW v AS SELECT UPER('x') AS b, a FROM s;
