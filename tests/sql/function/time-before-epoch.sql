-- Before 1970 with a part of a day: Flink rounds towards 1970 in EXTRACT and in FLOOR to months and years, not elsewhere.
CREATE TABLE t (ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/time-before-epoch.json', 'format' = 'json');
SELECT ts, EXTRACT(YEAR FROM ts) AS y, EXTRACT(DAY FROM ts) AS d, EXTRACT(HOUR FROM ts) AS h, EXTRACT(EPOCH FROM ts) AS e, FLOOR(ts TO HOUR) AS fh, FLOOR(ts TO DAY) AS fd, FLOOR(ts TO MONTH) AS fm FROM t;
SELECT DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss.SSS') AS a, CAST(ts AS DATE) AS b, CAST(ts AS STRING) AS c, TIMESTAMPDIFF(SECOND, ts, TIMESTAMP '1970-01-01 00:00:00') AS e, ts + INTERVAL '1' MONTH AS f FROM t;
