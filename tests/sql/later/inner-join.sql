SELECT a.n, b.m FROM (VALUES (1), (2)) AS a (n) JOIN (VALUES (2), (3)) AS b (m) ON a.n = b.m;
