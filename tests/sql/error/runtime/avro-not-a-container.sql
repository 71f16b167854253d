CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'avro');
SELECT a FROM t;
