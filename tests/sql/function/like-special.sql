-- Characters that mean something in a regular expression mean themselves; newlines match.
SELECT 'a.c' LIKE 'a.c' AS a, 'abc' LIKE 'a.c' AS b, 'a+b' LIKE 'a+b' AS c, '(x)' LIKE '(_)' AS d, 'a\b' LIKE 'a%b' AS e, 'x[1]' LIKE '%[1]' AS f, CONCAT('a', CHR(10), 'b') LIKE 'a%b' AS g, CONCAT('a', CHR(10), 'b') LIKE 'a_b' AS h, '%' LIKE '%%' AS i, 'ab' LIKE 'a%%b' AS j;
