-- What JSON writes of every type, read back as text.
CREATE TABLE t (c CHAR(4), b BOOLEAN, bin BYTES, `dec` DECIMAL(10, 2), i INT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3), ts3 TIMESTAMP(3), ts9 TIMESTAMP(9), ltz TIMESTAMP_LTZ(3), arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, y ROW<z STRING>>)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/all.json', 'format' = 'json');
CREATE TABLE j (c CHAR(4), b BOOLEAN, bin BYTES, `dec` DECIMAL(10, 2), i INT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3), ts3 TIMESTAMP(3), ts9 TIMESTAMP(9), ltz TIMESTAMP_LTZ(3), arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, y ROW<z STRING>>)
  WITH ('connector' = 'filesystem', 'path' = '${OUT}/j', 'format' = 'json');
INSERT INTO j SELECT * FROM t;
CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}/j', 'format' = 'raw');
SELECT * FROM lines;
