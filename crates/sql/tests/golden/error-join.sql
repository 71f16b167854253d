CREATE TABLE a (x INT) WITH ('connector' = 'datagen');
CREATE TABLE b (x INT) WITH ('connector' = 'datagen');
SELECT * FROM a JOIN b ON a.x = b.x;
