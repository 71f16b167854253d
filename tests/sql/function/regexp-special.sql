-- Java's regular expressions: look-ahead, back-references, possessive quantifiers, flags, classes; a wrong pattern is NULL or false.
SELECT REGEXP('foobar', 'foo(?=bar)') AS a, REGEXP('abab', '(ab)\1') AS b, REGEXP('aaa', 'a++a') AS c, REGEXP('ABC', '(?i)abc') AS d, REGEXP('é', '\w') AS e, REGEXP('x1', '^\p{Alpha}\d$') AS f,
  REGEXP_REPLACE('a.b.c', '\.', '') AS g, REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2) AS h, REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 0) AS i, REGEXP_REPLACE('price 5', '\d', '\$') AS j, REGEXP_EXTRACT('a', '(', 1) AS k, REGEXP_EXTRACT('a', '(a)', 5) AS l;
