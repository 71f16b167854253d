-- Java's text of FLOAT and DOUBLE: when the exponent appears, how many digits.
CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/doubles.json', 'format' = 'json');
SELECT s, CAST(CAST(s AS DOUBLE) AS STRING) AS d, CAST(CAST(s AS FLOAT) AS STRING) AS f FROM t;
