-- StreamPulse: live statistics of content downloads, one row per minute and key, from Kafka to PostgreSQL.
-- The same file runs on Argus and on Flink 2.2; README.md lists the variables.

SET 'pipeline.name' = 'streampulse';
SET 'parallelism.default' = '${FLINK_PARALLELISM:1}';
SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.interval' = '${FLINK_CHECKPOINT_INTERVAL:60000}';
SET 'execution.checkpointing.dir' = '${FLINK_CHECKPOINT_DIR:file:///tmp/flink-checkpoints}';
-- What becomes of a message that cannot be decoded and of a row the database refuses: skip or fail. Flink ignores argus settings.
SET 'argus.source.on-error' = '${ON_ERROR:skip}';

-- The physical columns are those of download.avsc, in its order: bare Avro has no names and no schema id.
CREATE TABLE downloads (
  event_id STRING NOT NULL,
  `timestamp` BIGINT NOT NULL,
  user_id STRING NOT NULL,
  content ROW<
    content_id STRING NOT NULL,
    title STRING NOT NULL,
    `type` STRING NOT NULL,
    category STRING NOT NULL,
    size_mb INT NOT NULL,
    price FLOAT NOT NULL
  > NOT NULL,
  download ROW<
    status STRING NOT NULL,
    duration_seconds INT NOT NULL,
    speed_mbps FLOAT NOT NULL,
    error_code STRING,
    error_message STRING
  > NOT NULL,
  user_context ROW<
    region STRING NOT NULL,
    city STRING NOT NULL,
    device STRING NOT NULL,
    os_version STRING NOT NULL,
    connection_type STRING NOT NULL
  > NOT NULL,
  ts AS TO_TIMESTAMP_LTZ(`timestamp`, 3),
  WATERMARK FOR ts AS ts - ${WATERMARK_DELAY_SECONDS:5} * INTERVAL '1' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '${KAFKA_TOPIC:content-downloads}',
  'properties.bootstrap.servers' = '${KAFKA_BOOTSTRAP_SERVERS:localhost:9092}',
  'properties.group.id' = '${KAFKA_GROUP_ID:flink-processor}',
  'properties.auto.offset.reset' = 'earliest',
  'properties.isolation.level' = 'read_committed',
  -- The client reads the next five only where the protocol asks for them.
  'properties.security.protocol' = '${KAFKA_SECURITY_PROTOCOL:PLAINTEXT}',
  'properties.sasl.mechanism' = '${KAFKA_SASL_MECHANISM:SCRAM-SHA-256}',
  'properties.sasl.jaas.config' = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule required username="${KAFKA_USERNAME:}" password="${KAFKA_PASSWORD:}";',
  'properties.ssl.truststore.type' = 'PEM',
  'properties.ssl.truststore.location' = '${KAFKA_SSL_CA:}',
  'scan.startup.mode' = 'group-offsets',
  'scan.watermark.emit.strategy' = 'on-event',
  'scan.watermark.idle-timeout' = '${IDLE_TIMEOUT_SECONDS:10} s',
  'format' = 'avro'
);

CREATE TABLE content_stats (
  content_id STRING,
  title STRING,
  download_count INT,
  successful_downloads INT,
  failed_downloads INT,
  cancelled_downloads INT,
  total_size_gb DECIMAL(10, 2),
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  PRIMARY KEY (content_id, window_start) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://${PG_HOST:localhost}:${PG_PORT:5432}/${PG_DATABASE:streampulse}?sslmode=${PG_SSLMODE:prefer}',
  'username' = '${PG_USER:postgres}',
  'password' = '${PG_PASSWORD}',
  'table-name' = 'content_stats'
);

CREATE TABLE region_health (
  region STRING,
  total_downloads INT,
  successful_downloads INT,
  failed_downloads INT,
  cancelled_downloads INT,
  success_rate DOUBLE,
  avg_speed_mbps DOUBLE,
  avg_duration_seconds DOUBLE,
  total_size_gb DECIMAL(10, 2),
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  PRIMARY KEY (region, window_start) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://${PG_HOST:localhost}:${PG_PORT:5432}/${PG_DATABASE:streampulse}?sslmode=${PG_SSLMODE:prefer}',
  'username' = '${PG_USER:postgres}',
  'password' = '${PG_PASSWORD}',
  'table-name' = 'region_health'
);

CREATE TABLE device_stats (
  device STRING,
  os_version STRING,
  total_downloads INT,
  successful_downloads INT,
  failed_downloads INT,
  cancelled_downloads INT,
  avg_speed_mbps DOUBLE,
  total_size_gb DECIMAL(10, 2),
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  PRIMARY KEY (device, os_version, window_start) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://${PG_HOST:localhost}:${PG_PORT:5432}/${PG_DATABASE:streampulse}?sslmode=${PG_SSLMODE:prefer}',
  'username' = '${PG_USER:postgres}',
  'password' = '${PG_PASSWORD}',
  'table-name' = 'device_stats'
);

CREATE TABLE alerts (
  alert_type STRING,
  severity STRING,
  message STRING,
  region STRING,
  metric_name STRING,
  metric_value DOUBLE,
  threshold_value DOUBLE,
  window_start TIMESTAMP(3),
  PRIMARY KEY (alert_type, region, window_start) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://${PG_HOST:localhost}:${PG_PORT:5432}/${PG_DATABASE:streampulse}?sslmode=${PG_SSLMODE:prefer}',
  'username' = '${PG_USER:postgres}',
  'password' = '${PG_PASSWORD}',
  'table-name' = 'alerts'
);

CREATE TABLE event_log (
  event_id STRING,
  event_timestamp TIMESTAMP(3),
  content_id STRING,
  region STRING,
  device STRING,
  status STRING,
  error_code STRING,
  PRIMARY KEY (event_id) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://${PG_HOST:localhost}:${PG_PORT:5432}/${PG_DATABASE:streampulse}?sslmode=${PG_SSLMODE:prefer}',
  'username' = '${PG_USER:postgres}',
  'password' = '${PG_PASSWORD}',
  'table-name' = 'event_log'
);

-- The regions, minute by minute, unrounded: region_health stores them, alerts judges them.
CREATE VIEW region_minutes AS
SELECT
  window_start,
  window_end,
  region,
  total_downloads,
  successful_downloads,
  failed_downloads,
  cancelled_downloads,
  cdn_timeouts,
  CAST(successful_downloads AS DOUBLE) / total_downloads AS success_rate,
  CAST(cdn_timeouts AS DOUBLE) / total_downloads AS cdn_timeout_rate,
  avg_speed_mbps,
  avg_duration_seconds,
  total_size_mb
FROM (
  SELECT
    window_start,
    window_end,
    user_context.region AS region,
    COUNT(*) AS total_downloads,
    COUNT(*) FILTER (WHERE download.status = 'success') AS successful_downloads,
    COUNT(*) FILTER (WHERE download.status = 'failed') AS failed_downloads,
    COUNT(*) FILTER (WHERE download.status = 'cancelled') AS cancelled_downloads,
    COUNT(*) FILTER (WHERE download.error_code = 'cdn_timeout') AS cdn_timeouts,
    AVG(CAST(download.speed_mbps AS DOUBLE)) FILTER (WHERE download.status = 'success' AND download.speed_mbps > 0) AS avg_speed_mbps,
    AVG(CAST(download.duration_seconds AS DOUBLE)) FILTER (WHERE download.status = 'success') AS avg_duration_seconds,
    SUM(CAST(content.size_mb AS BIGINT)) AS total_size_mb
  FROM TABLE(TUMBLE(TABLE downloads, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
  GROUP BY window_start, window_end, user_context.region
);

-- All of it is one job: the topic is read once.
EXECUTE STATEMENT SET BEGIN

INSERT INTO content_stats
SELECT
  content.content_id,
  MAX(content.title),
  CAST(COUNT(*) AS INT),
  CAST(COUNT(*) FILTER (WHERE download.status = 'success') AS INT),
  CAST(COUNT(*) FILTER (WHERE download.status = 'failed') AS INT),
  CAST(COUNT(*) FILTER (WHERE download.status = 'cancelled') AS INT),
  CAST(CAST(SUM(CAST(content.size_mb AS BIGINT)) AS DECIMAL(19, 0)) / 1024 AS DECIMAL(10, 2)),
  window_start,
  window_end
FROM TABLE(TUMBLE(TABLE downloads, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, content.content_id;

INSERT INTO region_health
SELECT
  region,
  CAST(total_downloads AS INT),
  CAST(successful_downloads AS INT),
  CAST(failed_downloads AS INT),
  CAST(cancelled_downloads AS INT),
  ROUND(success_rate, 4),
  ROUND(avg_speed_mbps, 2),
  ROUND(avg_duration_seconds, 2),
  CAST(CAST(total_size_mb AS DECIMAL(19, 0)) / 1024 AS DECIMAL(10, 2)),
  window_start,
  window_end
FROM region_minutes;

INSERT INTO device_stats
SELECT
  user_context.device,
  user_context.os_version,
  CAST(COUNT(*) AS INT),
  CAST(COUNT(*) FILTER (WHERE download.status = 'success') AS INT),
  CAST(COUNT(*) FILTER (WHERE download.status = 'failed') AS INT),
  CAST(COUNT(*) FILTER (WHERE download.status = 'cancelled') AS INT),
  ROUND(AVG(CAST(download.speed_mbps AS DOUBLE)) FILTER (WHERE download.status = 'success' AND download.speed_mbps > 0), 2),
  CAST(CAST(SUM(CAST(content.size_mb AS BIGINT)) AS DECIMAL(19, 0)) / 1024 AS DECIMAL(10, 2)),
  window_start,
  window_end
FROM TABLE(TUMBLE(TABLE downloads, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, user_context.device, user_context.os_version;

INSERT INTO alerts
SELECT
  'HIGH_ERROR_RATE',
  CASE WHEN success_rate < 0.80 THEN 'CRITICAL' ELSE 'WARNING' END,
  CAST(successful_downloads AS STRING) || ' of ' || CAST(total_downloads AS STRING) || ' downloads succeeded in ' || region,
  region,
  'success_rate',
  ROUND(success_rate, 4),
  CASE WHEN success_rate < 0.80 THEN 0.80 ELSE 0.90 END,
  window_start
FROM region_minutes
WHERE total_downloads >= ${ALERT_MIN_DOWNLOADS:5} AND success_rate < 0.90
UNION ALL
SELECT
  'SLOW_DOWNLOADS',
  'WARNING',
  'Successful downloads are slow in ' || region,
  region,
  'avg_speed_mbps',
  ROUND(avg_speed_mbps, 2),
  10.0,
  window_start
FROM region_minutes
WHERE total_downloads >= ${ALERT_MIN_DOWNLOADS:5} AND avg_speed_mbps < 10.0
UNION ALL
SELECT
  'CDN_FAILURE',
  'CRITICAL',
  CAST(cdn_timeouts AS STRING) || ' of ' || CAST(total_downloads AS STRING) || ' downloads met a CDN timeout in ' || region,
  region,
  'cdn_timeout_rate',
  ROUND(cdn_timeout_rate, 4),
  0.10,
  window_start
FROM region_minutes
WHERE total_downloads >= ${ALERT_MIN_DOWNLOADS:5} AND cdn_timeout_rate >= 0.10;

-- Every download that was not a success, and one in a hundred of the successes: 028f5c28 is 2^32 / 100 in hexadecimal.
INSERT INTO event_log
SELECT
  event_id,
  CAST(ts AS TIMESTAMP(3)),
  content.content_id,
  user_context.region,
  user_context.device,
  download.status,
  download.error_code
FROM downloads
WHERE download.status <> 'success' OR MD5(event_id) < '028f5c28';

END;
