CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO');
SELECT * FROM t;
