-- Partition columns are folders, not fields of the files.
CREATE TABLE t (id INT, v STRING, region STRING, d INT) PARTITIONED BY (region, d) WITH ('connector' = 'filesystem', 'path' = '${OUT}/t', 'format' = 'json');
INSERT INTO t VALUES (1, 'a', 'eu', 2023), (2, 'b', 'us', 2024), (3, 'c', 'eu', 2024);
SELECT * FROM t;
SELECT id FROM t WHERE region = 'eu';
