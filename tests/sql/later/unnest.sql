SELECT t.n, u.x FROM (VALUES (1, ARRAY[5, 6])) AS t (n, a) CROSS JOIN UNNEST(t.a) AS u (x);
