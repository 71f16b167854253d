SELECT k, g, COUNT(*) AS n FROM (VALUES ('a', 1), ('b', 2), ('a', 1)) AS t (k, g) GROUP BY GROUPING SETS ((k), (g), ());
