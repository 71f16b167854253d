-- An explicit cast cuts and pads; VARCHAR only cuts.
CREATE TABLE t (s STRING, i INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/cast-char-length.json', 'format' = 'json');
SELECT s, CAST(s AS CHAR(3)) || '|' AS c3, CAST(s AS VARCHAR(3)) || '|' AS v3, CAST(i AS CHAR(5)) || '|' AS c5, CAST(i AS VARCHAR(2)) || '|' AS v2, CHAR_LENGTH(CAST(s AS CHAR(6))) AS l, CAST(s AS BINARY(2)) AS b2, CAST(s AS VARBINARY(2)) AS vb2 FROM t;
