CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/truncated.json', 'format' = 'json');
SELECT a FROM t;
