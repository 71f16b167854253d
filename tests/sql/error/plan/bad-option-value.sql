CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json', 'json.ignore-parse-errors' = 'maybe');
SELECT * FROM t;
