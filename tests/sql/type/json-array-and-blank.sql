-- A top-level array is many rows.
CREATE TABLE t (n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/json-array-and-blank.json', 'format' = 'json');
SELECT * FROM t;
