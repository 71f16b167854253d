CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT g, SUM(CASE WHEN t THEN n ELSE 0 END) AS s, SUM(COALESCE(n, 1) * 2) + 1 AS w FROM o GROUP BY g;
