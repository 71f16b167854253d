CREATE TABLE t (id INT NOT NULL COMMENT 'the key', s VARCHAR(10), ts TIMESTAMP(3), l TIMESTAMP_LTZ(3) METADATA FROM 'file.modification-time' VIRTUAL, c AS id + 1, arr ARRAY<ROW<a INT, b STRING>>, PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  COMMENT 'what it is' PARTITIONED BY (s) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json', 'json.ignore-parse-errors' = 'true');
SHOW CREATE TABLE t;
CREATE VIEW v AS SELECT id AS x, s FROM t WHERE s LIKE 'a%';
SHOW CREATE VIEW v;
