CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json', 'json.ignore-parse-errors' = 'true', 'json.fail-on-missing-field' = 'true');
SELECT * FROM t;
