-- An aggregation of results that are updated.
SELECT c, COUNT(*) AS n FROM (SELECT k, COUNT(*) AS c FROM (VALUES ('a'), ('b'), ('a')) AS t (k) GROUP BY k) GROUP BY c;
