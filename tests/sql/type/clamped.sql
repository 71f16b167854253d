-- Lengths and precisions out of range that Flink takes: 0 stays, more than the most becomes the most.
CREATE TABLE t (a DECIMAL(39, 2), b CHAR(0), c VARCHAR(0), d TIMESTAMP(10), e TIMESTAMP_LTZ(12), f TIME(9)) WITH ('connector' = 'blackhole');
DESCRIBE t;
SELECT CAST(1 AS DECIMAL(40, 0)) AS a, CAST('a' AS VARCHAR(0)) AS b, CAST(TIMESTAMP '2024-01-01 00:00:00.123456789' AS TIMESTAMP(10)) AS c;
