CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT r, COUNT(*) AS c FROM o GROUP BY r;
