-- Two windows over one source, read once; nested fields and columns nobody reads are not produced.
SET 'parallelism.default' = '2';
SET 'pipeline.name' = 'windows';
CREATE TABLE downloads (
  id STRING NOT NULL,
  region STRING,
  content ROW<title STRING, size_mb INT, price FLOAT>,
  unread STRING,
  at_ms BIGINT,
  ts AS TO_TIMESTAMP_LTZ(at_ms, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = 'downloads', 'format' = 'json',
  'properties.bootstrap.servers' = '${SERVERS:localhost:9092}',
  'scan.watermark.idle-timeout' = '10 s'
);
CREATE TABLE per_region (region STRING, n BIGINT, mb INT, window_start TIMESTAMP(3),
  PRIMARY KEY (region, window_start) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:x', 'table-name' = 'r', 'password' = '${PASSWORD}');
CREATE TABLE per_title (title STRING NOT NULL, price DOUBLE, window_end TIMESTAMP(3)) WITH ('connector' = 'print');
CREATE VIEW windowed AS
SELECT * FROM TABLE(TUMBLE(TABLE downloads, DESCRIPTOR(ts), INTERVAL '1' MINUTE));
INSERT INTO per_region
SELECT region, COUNT(*), SUM(content.size_mb), window_start FROM windowed
WHERE region <> 'nowhere' GROUP BY region, window_start, window_end;
INSERT INTO per_title
SELECT content.title, AVG(content.price), window_end FROM windowed
GROUP BY content.title, window_start, window_end;
