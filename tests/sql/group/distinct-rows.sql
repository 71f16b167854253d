CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT DISTINCT k FROM o;
