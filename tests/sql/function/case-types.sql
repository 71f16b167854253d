-- The type of CASE and COALESCE over mixed types.
CREATE TABLE t (i INT, b BIGINT, f FLOAT, d DOUBLE, m DECIMAL(10, 2), n INT NOT NULL, c CHAR(3), v VARCHAR(5)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/none.json', 'format' = 'json');
CREATE VIEW typed AS SELECT CASE WHEN i > 0 THEN i ELSE b END AS ib, CASE WHEN i > 0 THEN i ELSE m END AS im, CASE WHEN i > 0 THEN f ELSE m END AS fm, CASE WHEN i > 0 THEN i ELSE d END AS id,
  CASE WHEN i > 0 THEN 'a' ELSE 'bcd' END AS cc, CASE WHEN i > 0 THEN c ELSE v END AS cv, CASE WHEN i > 0 THEN n END AS nn, CASE WHEN i > 0 THEN n ELSE 1 END AS n1,
  COALESCE(i, b) AS c1, COALESCE(i, n) AS c2, COALESCE(i, m) AS c3, NULLIF(n, 1) AS nu, IFNULL(i, n) AS ifn, IF(i > 0, i, b) AS iff, GREATEST(i, b) AS g, LEAST(n, n) AS l FROM t;
DESCRIBE typed;
