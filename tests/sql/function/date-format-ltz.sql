SET 'table.local-time-zone' = 'America/New_York';
CREATE TABLE t (id INT, l TIMESTAMP_LTZ(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/times.json', 'format' = 'json');
SELECT id, DATE_FORMAT(l, 'yyyy-MM-dd HH:mm:ss') AS a, DATE_FORMAT(l, 'yyyy-MM-dd HH:00') AS b, EXTRACT(HOUR FROM l) AS c, CAST(l AS DATE) AS d, CAST(l AS TIME) AS e, FLOOR(l TO DAY) AS f, YEAR(CAST(l AS DATE)) AS g FROM t;
