-- UNION ALL and VALUES find a common type.
CREATE VIEW typed AS SELECT 1 AS a, 'x' AS b, CAST(1 AS SMALLINT) AS c UNION ALL SELECT 2.5, 'long', CAST(NULL AS BIGINT);
DESCRIBE typed;
SELECT * FROM typed;
CREATE VIEW listed AS SELECT * FROM (VALUES (1, 'a', 1.5), (100000000000, 'bcd', 2)) AS t (i, s, d);
DESCRIBE listed;
SELECT * FROM listed;
