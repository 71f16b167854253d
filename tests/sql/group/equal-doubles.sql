-- NaN is greater than nothing, and not equal to itself.
CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT g, MAX(z) AS z FROM (SELECT g, CASE WHEN id > 5 THEN SQRT(-1.0E0) ELSE 0.0E0 END AS z FROM o) GROUP BY g;
