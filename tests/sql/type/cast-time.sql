SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE t (dt DATE, tm TIME(3), ts3 TIMESTAMP(3), ts9 TIMESTAMP(9), ltz TIMESTAMP_LTZ(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/cast-time.json', 'format' = 'json');
SELECT CAST(dt AS TIMESTAMP(3)) AS a, CAST(dt AS TIMESTAMP_LTZ(3)) AS b, CAST(tm AS TIME(0)) AS c, CAST(ts3 AS DATE) AS d, CAST(ts3 AS TIME(3)) AS e, CAST(ts3 AS TIMESTAMP_LTZ(3)) AS f, CAST(ts9 AS TIMESTAMP(3)) AS g, CAST(ts9 AS TIMESTAMP(6)) AS h, CAST(ts3 AS TIMESTAMP(0)) AS i,
  CAST(ltz AS TIMESTAMP(3)) AS j, CAST(ltz AS DATE) AS k, CAST(ltz AS TIME(3)) AS l, CAST(ltz AS STRING) AS m, CAST(CAST(ts3 AS STRING) AS TIMESTAMP_LTZ(3)) AS n, CAST(CAST(dt AS STRING) AS DATE) AS o FROM t;
