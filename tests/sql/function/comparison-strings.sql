-- Strings compare by bytes; CHAR is not padded.
CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id, s < t AS a, s = 'aaa' AS b, s >= 'Z' AS c, s > 'é' AS d, CAST(s AS CHAR(5)) = 'aaa' AS e, s = 'aaa  ' AS f FROM t;
