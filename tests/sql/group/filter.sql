CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT k, COUNT(*) FILTER (WHERE n > 3) AS c, SUM(b) FILTER (WHERE t) AS s, MIN(s) FILTER (WHERE g = 1) AS m FROM o GROUP BY k;
