SELECT SUM(n) AS s FROM (VALUES (1), (2)) AS t (n);
