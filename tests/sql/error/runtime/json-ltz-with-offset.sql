CREATE TABLE t (o TIMESTAMP_LTZ(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT o FROM t;
