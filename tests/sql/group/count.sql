-- Every row brings its group's result up to date: +I, then -U and +U.
CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT k, COUNT(*) AS c, COUNT(n) AS cn, COUNT(1) AS c1 FROM o GROUP BY k;
