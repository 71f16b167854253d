-- One source, two windows, two sinks; nested fields, FILTER and DISTINCT.
CREATE TABLE downloads (
  id STRING NOT NULL,
  region STRING,
  content ROW<title STRING, size_mb INT, price FLOAT>,
  at_ms BIGINT,
  ts AS TO_TIMESTAMP_LTZ(at_ms, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kafka', 'topic' = 'downloads', 'format' = 'json');
CREATE TABLE per_region (region STRING, n BIGINT, mb INT, ids BIGINT, window_start TIMESTAMP(3),
  PRIMARY KEY (region, window_start) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:x', 'table-name' = 'r');
CREATE TABLE per_title (title STRING, price DOUBLE, window_end TIMESTAMP(3)) WITH ('connector' = 'print');
INSERT INTO per_region
SELECT region, COUNT(*), SUM(content.size_mb) FILTER (WHERE content.price > 0), COUNT(DISTINCT id), window_start
FROM TABLE(TUMBLE(TABLE downloads, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE region <> 'nowhere' AND id IS NOT NULL GROUP BY region, window_start, window_end;
INSERT INTO per_title
SELECT UPPER(content.title), AVG(content.price), window_end
FROM TABLE(HOP(TABLE downloads, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '1' MINUTE, INTERVAL '1' SECOND))
GROUP BY UPPER(content.title), window_start, window_end;
