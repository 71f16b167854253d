WITH a (p, q) AS (SELECT 1 AS x) SELECT p FROM a;
