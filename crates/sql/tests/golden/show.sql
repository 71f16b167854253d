SET 'parallelism.default' = '3';
CREATE TABLE t (
  id BIGINT NOT NULL COMMENT 'the key', n DECIMAL(10, 2), r ROW<a INT NOT NULL, b ARRAY<STRING>>,
  at_ms BIGINT, written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  ts AS TO_TIMESTAMP_LTZ(at_ms, 3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts - ${DELAY:5} * INTERVAL '1' SECOND,
  PRIMARY KEY (id) NOT ENFORCED
) COMMENT 'it''s a table' WITH ('connector' = 'kafka', 'topic' = 't', 'password' = 'x-${PASSWORD}');
CREATE TEMPORARY VIEW v (x, y) COMMENT 'view' AS SELECT id, n * 2 FROM t;
SHOW CREATE TABLE t;
SHOW CREATE VIEW v;
DESCRIBE t;
DESC v;
SHOW TABLES;
SHOW VIEWS LIKE 'v%';
SHOW COLUMNS FROM t LIKE '%s';
SHOW CURRENT CATALOG;
SET;
