-- The StreamPulse generator: made-up downloads into Kafka. The seed and a row's position alone decide an event.
-- Rate, count and times are settings of Argus; README.md says what each does. Flink ignores them: there the rows are
-- random, one a second, with no end.

SET 'pipeline.name' = 'streampulse-generator';
SET 'table.local-time-zone' = 'UTC';
SET 'argus.datagen.seed' = '${GENERATOR_SEED:1}';
SET 'argus.datagen.rows-per-minute' = '${EVENTS_PER_MINUTE:60}';
SET 'argus.datagen.number-of-rows' = '${GENERATOR_COUNT:0}';
SET 'argus.datagen.start' = '${GENERATOR_START:}';
SET 'argus.datagen.speed' = '${GENERATOR_SPEED:1}';
SET 'argus.datagen.fresh-columns' = 'id';
SET 'argus.kafka.create-topic-partitions' = '3';

-- Dice: each column is an independent draw, both ends included.
CREATE TABLE dice (
  event_time TIMESTAMP_LTZ(3) NOT NULL,
  id STRING NOT NULL,
  user_number INT NOT NULL,
  content_roll INT NOT NULL,
  place_roll INT NOT NULL,
  device_roll INT NOT NULL,
  connection_roll INT NOT NULL,
  outcome_roll INT NOT NULL,
  error_roll INT NOT NULL,
  success_seconds INT NOT NULL,
  failed_seconds INT NOT NULL,
  slow_seconds INT NOT NULL,
  success_speed INT NOT NULL,
  failed_speed INT NOT NULL,
  slow_speed INT NOT NULL
) WITH (
  'connector' = 'datagen',
  'rows-per-second' = '1',
  'fields.id.length' = '32',
  'fields.user_number.min' = '1', 'fields.user_number.max' = '100000',
  'fields.content_roll.min' = '1', 'fields.content_roll.max' = '100',
  'fields.place_roll.min' = '1', 'fields.place_roll.max' = '10',
  'fields.device_roll.min' = '1', 'fields.device_roll.max' = '6',
  'fields.connection_roll.min' = '1', 'fields.connection_roll.max' = '4',
  'fields.outcome_roll.min' = '1', 'fields.outcome_roll.max' = '100',
  'fields.error_roll.min' = '1', 'fields.error_roll.max' = '4',
  'fields.success_seconds.min' = '60', 'fields.success_seconds.max' = '180',
  'fields.failed_seconds.min' = '10', 'fields.failed_seconds.max' = '60',
  'fields.slow_seconds.min' = '300', 'fields.slow_seconds.max' = '600',
  -- speeds in tenths of Mbps
  'fields.success_speed.min' = '250', 'fields.success_speed.max' = '500',
  'fields.failed_speed.min' = '10', 'fields.failed_speed.max' = '50',
  'fields.slow_speed.min' = '50', 'fields.slow_speed.max' = '100'
);

-- The columns of download.avsc and, as the key of the message, the region. TIMESTAMP(3) is written as the long that the schema has.
CREATE TABLE downloads (
  message_key STRING NOT NULL,
  event_id STRING NOT NULL,
  `timestamp` TIMESTAMP(3) NOT NULL,
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
  > NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = '${KAFKA_TOPIC:content-downloads}',
  'properties.bootstrap.servers' = '${KAFKA_BOOTSTRAP_SERVERS:localhost:9092}',
  'properties.security.protocol' = '${KAFKA_SECURITY_PROTOCOL:PLAINTEXT}',
  'properties.sasl.mechanism' = '${KAFKA_SASL_MECHANISM:SCRAM-SHA-256}',
  'properties.sasl.jaas.config' = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule required username="${KAFKA_USERNAME:}" password="${KAFKA_PASSWORD:}";',
  'properties.ssl.truststore.type' = 'PEM',
  'properties.ssl.truststore.location' = '${KAFKA_SSL_CA:}',
  'key.format' = 'raw',
  'key.fields' = 'message_key',
  'value.format' = 'avro',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- The dice read as an event.
CREATE VIEW events AS
SELECT
  SUBSTRING(id FROM 1 FOR 8) || '-' || SUBSTRING(id FROM 9 FOR 4) || '-4' || SUBSTRING(id FROM 14 FOR 3)
    || '-a' || SUBSTRING(id FROM 18 FOR 3) || '-' || SUBSTRING(id FROM 21 FOR 12) AS event_id,
  CAST(event_time AS TIMESTAMP(3)) AS event_time,
  'user_' || CAST(user_number AS STRING) AS user_id,
  CASE
    WHEN content_roll <= 50 THEN 'mov_avengers_2'
    WHEN content_roll <= 80 THEN 'mov_taylor_swift'
    WHEN content_roll <= 95 THEN 'mov_batman'
    ELSE 'mov_barbie_2'
  END AS content_id,
  CASE WHEN outcome_roll > 90 AND outcome_roll <= 98 THEN 'failed' ELSE 'success' END AS status,
  CASE WHEN outcome_roll <= 90 THEN success_seconds WHEN outcome_roll <= 98 THEN failed_seconds ELSE slow_seconds END AS duration_seconds,
  CASE WHEN outcome_roll <= 90 THEN success_speed WHEN outcome_roll <= 98 THEN failed_speed ELSE slow_speed END AS speed,
  CASE WHEN outcome_roll > 90 AND outcome_roll <= 98 THEN
    CASE error_roll WHEN 1 THEN 'cdn_timeout' WHEN 2 THEN 'network_error' WHEN 3 THEN 'disk_full' ELSE 'auth_failed' END
  END AS error_code,
  CASE
    WHEN place_roll <= 2 THEN 'US-California'
    WHEN place_roll = 3 THEN 'US-Texas'
    WHEN place_roll = 4 THEN 'US-NewYork'
    WHEN place_roll = 5 THEN 'EU-London'
    WHEN place_roll = 6 THEN 'EU-Paris'
    WHEN place_roll = 7 THEN 'EU-Berlin'
    WHEN place_roll = 8 THEN 'ASIA-Tokyo'
    WHEN place_roll = 9 THEN 'ASIA-Seoul'
    ELSE 'ASIA-Mumbai'
  END AS region,
  CASE place_roll
    WHEN 1 THEN 'San Francisco'
    WHEN 2 THEN 'Los Angeles'
    WHEN 3 THEN 'Austin'
    WHEN 4 THEN 'New York City'
    WHEN 5 THEN 'London'
    WHEN 6 THEN 'Paris'
    WHEN 7 THEN 'Berlin'
    WHEN 8 THEN 'Tokyo'
    WHEN 9 THEN 'Seoul'
    ELSE 'Mumbai'
  END AS city,
  CASE device_roll
    WHEN 1 THEN 'iPhone 15 Pro'
    WHEN 2 THEN 'iPhone 14'
    WHEN 3 THEN 'iPad Pro'
    WHEN 4 THEN 'iPad Air'
    WHEN 5 THEN 'Apple TV 4K'
    ELSE 'MacBook Pro'
  END AS device,
  CASE device_roll
    WHEN 1 THEN 'iOS 18.1'
    WHEN 2 THEN 'iOS 18.0'
    WHEN 3 THEN 'iPadOS 18.0'
    WHEN 4 THEN 'iPadOS 17.6'
    WHEN 5 THEN 'tvOS 18.0'
    ELSE 'macOS 14.5'
  END AS os_version,
  CASE connection_roll WHEN 1 THEN 'wifi' WHEN 2 THEN '5g' WHEN 3 THEN '4g' ELSE 'ethernet' END AS connection_type
FROM dice;

INSERT INTO downloads
SELECT
  region,
  event_id,
  event_time,
  user_id,
  ROW(
    content_id,
    CASE content_id
      WHEN 'mov_avengers_2' THEN 'Avengers 2'
      WHEN 'mov_taylor_swift' THEN 'Taylor Swift'
      WHEN 'mov_batman' THEN 'Batman'
      ELSE 'Barbie 2'
    END,
    CASE content_id WHEN 'mov_taylor_swift' THEN 'music_doc' ELSE 'movie' END,
    CASE content_id WHEN 'mov_taylor_swift' THEN 'music' WHEN 'mov_barbie_2' THEN 'comedy' ELSE 'action' END,
    CASE content_id WHEN 'mov_avengers_2' THEN 4200 WHEN 'mov_taylor_swift' THEN 3200 WHEN 'mov_batman' THEN 3800 ELSE 2900 END,
    CAST(CASE content_id WHEN 'mov_taylor_swift' THEN 14.99 WHEN 'mov_barbie_2' THEN 17.99 ELSE 19.99 END AS FLOAT)
  ),
  ROW(
    status,
    duration_seconds,
    CAST(CAST(speed AS DOUBLE) / 10 AS FLOAT),
    error_code,
    CASE error_code
      WHEN 'cdn_timeout' THEN 'CDN timeout'
      WHEN 'network_error' THEN 'Connection lost'
      WHEN 'disk_full' THEN 'Storage full'
      WHEN 'auth_failed' THEN 'Token expired'
    END
  ),
  ROW(region, city, device, os_version, connection_type)
FROM events;
