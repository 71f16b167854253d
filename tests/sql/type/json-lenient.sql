-- What JSON takes for a type other than its own.
CREATE TABLE t (n INT, s STRING, b BOOLEAN, i INT, bi BIGINT, d DOUBLE, m DECIMAL(6, 2), dt DATE, arr ARRAY<STRING>, mp MAP<STRING, STRING>)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/json-lenient.json', 'format' = 'json');
SELECT * FROM t;
