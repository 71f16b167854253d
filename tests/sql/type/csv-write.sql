-- What CSV writes of every type, read back as text.
CREATE TABLE t (c CHAR(4), s STRING, b BOOLEAN, `dec` DECIMAL(10, 2), i INT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3), ts3 TIMESTAMP(3), ltz TIMESTAMP_LTZ(3), arr ARRAY<INT>)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/csv-write.json', 'format' = 'json');
CREATE TABLE j (c CHAR(4), s STRING, b BOOLEAN, `dec` DECIMAL(10, 2), i INT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3), ts3 TIMESTAMP(3), ltz TIMESTAMP_LTZ(3), arr ARRAY<INT>)
  WITH ('connector' = 'filesystem', 'path' = '${OUT}/c', 'format' = 'csv');
INSERT INTO j SELECT * FROM t;
CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}/c', 'format' = 'raw');
SELECT * FROM lines;
