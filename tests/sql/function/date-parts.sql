CREATE TABLE t (id INT, ts TIMESTAMP(3), d DATE, t TIME(3), l TIMESTAMP_LTZ(3), s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/times.json', 'format' = 'json');
SELECT id, YEAR(ts) AS a, QUARTER(d) AS b, MONTH(d) AS c, WEEK(d) AS w, DAYOFYEAR(d) AS doy, DAYOFMONTH(ts) AS dom, DAYOFWEEK(d) AS dow, HOUR(ts) AS h, MINUTE(t) AS m, SECOND(ts) AS s FROM t;
