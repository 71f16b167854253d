CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/no-such-file.json', 'format' = 'json');
SELECT a FROM t;
