CREATE TABLE t (big INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT big FROM t;
