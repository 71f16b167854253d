CREATE TABLE t (a INT, x ROW<a INT> METADATA FROM 'file.size' VIRTUAL) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT * FROM t;
