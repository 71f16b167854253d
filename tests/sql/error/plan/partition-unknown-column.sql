CREATE TABLE t (a INT) PARTITIONED BY (b) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
