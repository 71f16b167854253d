SELECT 'abc' SIMILAR TO 'a(b|x)c' AS a, 'abc' SIMILAR TO 'a%' AS b, 'abc' NOT SIMILAR TO '[a-b]+' AS c, 'abc' SIMILAR TO 'ab' AS d, 'a' SIMILAR TO '[[:ALPHA:]]' AS e;
