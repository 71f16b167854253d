-- a line comment; with a semicolon
/* a block comment; with 'quotes' and
   two lines */
SELECT 1 AS a, -- between
  'a -- no comment' AS b, '/* neither */' AS c, 'semi;colon' AS d /* after */ ;
SELECT `x;y` FROM (VALUES (1)) AS t (`x;y`)
