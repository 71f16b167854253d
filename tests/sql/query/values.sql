VALUES (1, 'a'), (2, 'bc');
SELECT * FROM (VALUES (1, 'a'), (2, 'bc')) AS t (n, s) WHERE n > 1;
SELECT s || '!' FROM (VALUES ('x'), ('y')) AS t (s);
SELECT * FROM (VALUES (CAST(NULL AS INT)), (3));
