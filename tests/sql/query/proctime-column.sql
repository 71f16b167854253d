-- A processing-time column: its type, not its value.
CREATE TABLE t (id INT, p AS PROCTIME()) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
DESCRIBE t;
SELECT id, p IS NOT NULL AS has, p > TO_TIMESTAMP_LTZ(0, 3) AS later FROM t;
