-- Columns go by position; those left out are NULL.
CREATE TABLE t (a INT, b STRING, c DOUBLE) WITH ('connector' = 'filesystem', 'path' = '${OUT}/t', 'format' = 'json');
INSERT INTO t (c, a) VALUES (1.5, 7);
INSERT INTO t SELECT 8 AS c, 'text' AS a, CAST(2 AS DOUBLE) AS b;
SELECT * FROM t;
