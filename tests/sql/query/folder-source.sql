-- A folder: all files in it, hidden ones not, folders below it too.
CREATE TABLE t (n INT, f STRING METADATA FROM 'file.name' VIRTUAL) WITH ('connector' = 'filesystem', 'path' = '${CASE}/folder', 'format' = 'json');
SELECT * FROM t;
