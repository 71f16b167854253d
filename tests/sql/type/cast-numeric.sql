-- Narrowing: integers wrap, DOUBLE saturates to INT and BIGINT and wraps below, DECIMAL truncates to integers and rounds to DECIMAL, overflow is NULL.
CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/cast-numeric.json', 'format' = 'json');
CREATE VIEW v AS SELECT CAST(s AS DOUBLE) AS d, CAST(s AS DECIMAL(30, 5)) AS m FROM t;
SELECT d, CAST(d AS BIGINT) AS bi, CAST(d AS INT) AS i, CAST(d AS SMALLINT) AS sm, CAST(d AS TINYINT) AS ti, CAST(d AS FLOAT) AS f, CAST(d AS DECIMAL(10, 2)) AS dm FROM v;
SELECT m, CAST(m AS BIGINT) AS bi, CAST(m AS INT) AS i, CAST(m AS SMALLINT) AS sm, CAST(m AS TINYINT) AS ti, CAST(m AS DOUBLE) AS d, CAST(m AS DECIMAL(10, 2)) AS dm, CAST(m AS DECIMAL(4, 0)) AS d4 FROM v;
SELECT CAST(CAST(m AS BIGINT) AS INT) AS i, CAST(CAST(m AS BIGINT) AS SMALLINT) AS sm, CAST(CAST(m AS BIGINT) AS TINYINT) AS ti, CAST(CAST(m AS BIGINT) AS FLOAT) AS f, CAST(CAST(m AS BIGINT) AS DECIMAL(5, 1)) AS dm FROM v;
