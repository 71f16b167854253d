-- A temporary table hides the permanent one of the same name until it is dropped.
CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
CREATE TEMPORARY TABLE t (amount STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT * FROM t;
DROP TEMPORARY TABLE t;
SELECT * FROM t;
DROP TABLE t;
DROP TABLE IF EXISTS t;
SHOW TABLES;
