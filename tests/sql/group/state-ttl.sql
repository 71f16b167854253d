CREATE TABLE o (id INT, k STRING, g INT, n INT, b BIGINT, d DOUBLE, f FLOAT, m DECIMAL(10, 2), s STRING, t BOOLEAN, ts TIMESTAMP(3), `day` DATE, r ROW<x INT, y STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/input.json', 'format' = 'json');
SELECT /*+ STATE_TTL('o' = '1 h') */ k, MAX(n) AS m FROM o GROUP BY k;
SELECT /*+ STATE_TTL('p' = '1 d') */ DISTINCT p.g FROM o AS p;
SET 'table.exec.state.ttl' = '1 h';
SELECT /*+ STATE_TTL('o' = '0') */ k, MAX(n) AS m FROM o GROUP BY k;
