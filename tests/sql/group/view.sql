CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
CREATE VIEW v (key, amount) AS SELECT k, b FROM o WHERE b > 0;
SELECT key, SUM(amount) AS s FROM v GROUP BY key;
WITH w AS (SELECT g, COUNT(*) AS c FROM o GROUP BY g) SELECT c, g FROM w WHERE g < 3;
