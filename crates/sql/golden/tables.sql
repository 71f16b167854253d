-- Tables and views of every script in this folder.
CREATE TABLE bids (
  ts TIMESTAMP(3), k STRING, price INT, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'file');
CREATE TABLE orders (
  id STRING NOT NULL,
  amount DECIMAL(10, 2),
  item ROW<name STRING NOT NULL, size ROW<w INT, h INT>> NOT NULL,
  tags ARRAY<STRING>,
  written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  made AS TO_TIMESTAMP(id),
  p AS PROCTIME(),
  WATERMARK FOR written AS written
) WITH ('connector' = 'log');
CREATE TABLE totals (
  k STRING, total BIGINT NOT NULL, e TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED
) WITH ('connector' = 'log');
CREATE TABLE printed (n INT) WITH ('connector' = 'out');
CREATE VIEW tens AS
  SELECT k, window_start, window_end, window_time AS t, SUM(price) AS s
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' SECONDS))
  GROUP BY k, window_start, window_end, window_time;
