-- With a time to live equal results are emitted again.
CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SET 'table.exec.state.ttl' = '1 h';
SELECT k, MAX(n) AS m FROM o GROUP BY k;
SELECT DISTINCT g FROM o;
