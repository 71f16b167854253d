CREATE TABLE t (id INT, ts TIMESTAMP(3), d DATE, t TIME(3), l TIMESTAMP_LTZ(3), s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/times.json', 'format' = 'json');
SELECT id, TO_TIMESTAMP(s) AS a, TO_TIMESTAMP(s, 'yyyy-MM-dd') AS b, TO_TIMESTAMP(s, 'yyyy-MM-dd HH:mm:ss') AS c, TO_DATE(s) AS d FROM t;
SELECT TO_DATE(s, 'yyyy-MM-dd HH:mm:ss') AS e FROM t WHERE id IN (1, 2, 3);
