-- Column names keep their case and are told apart by it.
CREATE TABLE t (a INT, A INT, `select` STRING, `with space` STRING, `ä.b` STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/case-sensitive-names.json', 'format' = 'json');
SELECT a, A, `select`, `with space`, `ä.b` FROM t;
SELECT * FROM t;
