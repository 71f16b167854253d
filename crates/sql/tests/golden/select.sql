CREATE TABLE t (a INT, b STRING, p INT METADATA FROM 'partition' VIRTUAL) WITH ('connector' = 'kafka', 'topic' = 't', 'scan.bounded.mode' = 'latest-offset');
EXPLAIN SELECT b, a + 1 AS x FROM t /*+ OPTIONS('topic' = 'other') */ WHERE a > 1 AND b = 'password ${PASSWORD}';
SELECT a FROM t UNION ALL SELECT p FROM t;
VALUES (1, 'a'), (2, CAST(NULL AS STRING));
