-- A wrong field is NULL, a wrong record is dropped.
CREATE TABLE t (n INT, d DATE, r ROW<x INT>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/json-ignore-errors.json', 'format' = 'json', 'json.ignore-parse-errors' = 'true');
SELECT * FROM t;
