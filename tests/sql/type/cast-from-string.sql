-- CAST of texts that fit; TRY_CAST of all.
CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/cast-from-string.json', 'format' = 'json');
SELECT s, TRY_CAST(s AS TINYINT) AS ti, TRY_CAST(s AS INT) AS i, TRY_CAST(s AS BIGINT) AS bi, TRY_CAST(s AS DOUBLE) AS d, TRY_CAST(s AS DECIMAL(6, 2)) AS m, TRY_CAST(s AS BOOLEAN) AS b, TRY_CAST(s AS DATE) AS dt, TRY_CAST(s AS TIME) AS tm, TRY_CAST(s AS TIMESTAMP(3)) AS ts, TRY_CAST(s AS BYTES) AS bin FROM t;
