SET 'table.local-time-zone' = 'Asia/Tokyo';
CREATE TABLE t (id INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${CASE}/times.json', 'format' = 'json');
SELECT id, UNIX_TIMESTAMP(s) AS a, UNIX_TIMESTAMP(s, 'yyyy-MM-dd') AS b, FROM_UNIXTIME(1709212455, 'yyyy/MM/dd HH') AS d, FROM_UNIXTIME(-1) AS e FROM t;
