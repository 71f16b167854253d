CREATE TABLE t (a INT, nope INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json', 'json.fail-on-missing-field' = 'true');
SELECT a, nope FROM t;
