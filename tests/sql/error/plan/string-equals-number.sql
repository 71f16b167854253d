CREATE TABLE t (id INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT id = '7' FROM t;
