-- IS tests over TRUE, FALSE and UNKNOWN.
CREATE TABLE t (b BOOLEAN) WITH ('connector' = 'filesystem', 'path' = '${CASE}/booleans.json', 'format' = 'json');
SELECT b, b IS TRUE AS t, b IS NOT TRUE AS nt, b IS FALSE AS f, b IS NOT FALSE AS nf, b IS UNKNOWN AS u, b IS NOT UNKNOWN AS nu, b IS NULL AS n, b IS NOT NULL AS nn, NOT b AS neg FROM t;
