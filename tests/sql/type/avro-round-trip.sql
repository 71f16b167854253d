-- Avro container files written and read back.
CREATE TABLE t (s STRING, b BOOLEAN, bin BYTES, m DECIMAL(10, 2), i INT, bi BIGINT, f FLOAT, d DOUBLE, dt DATE, tm TIME(3), ts3 TIMESTAMP(3), arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, y ROW<z STRING>>)
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/avro-round-trip.json', 'format' = 'json');
CREATE TABLE a WITH ('path' = '${OUT}/a', 'format' = 'avro') LIKE t;
INSERT INTO a SELECT * FROM t;
SELECT * FROM a;
