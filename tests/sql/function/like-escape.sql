-- _ is one code point and no line end; a backslash escapes nothing unless ESCAPE says so.
CREATE TABLE t (s STRING, p STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/like-escape.json', 'format' = 'json');
SELECT s, p, s LIKE p AS a, s LIKE p ESCAPE '\' AS b FROM t;
