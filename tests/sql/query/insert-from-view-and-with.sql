CREATE TABLE t (n INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}/t', 'format' = 'json');
CREATE VIEW v AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS x (n, s);
INSERT INTO t SELECT * FROM v UNION ALL SELECT n + 10, s FROM v;
SELECT * FROM t;
