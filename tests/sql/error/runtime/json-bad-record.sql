CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/bad-record.json', 'format' = 'json');
SELECT a FROM t;
