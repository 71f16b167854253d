SELECT DISTINCT k FROM (VALUES ('a'), ('b'), ('a')) AS t (k);
