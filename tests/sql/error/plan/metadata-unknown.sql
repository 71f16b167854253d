CREATE TABLE t (a INT, x STRING METADATA FROM 'offset' VIRTUAL) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT * FROM t;
