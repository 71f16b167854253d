CREATE TABLE t (a INT, s STRING, r AS TO_TIMESTAMP(s), WATERMARK FOR r AS r) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT a FROM t;
