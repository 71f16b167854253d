CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/cast-to-boolean.json', 'format' = 'json');
SELECT s, TRY_CAST(s AS BOOLEAN) AS b, TRY_CAST(s AS INT) AS i FROM t;
