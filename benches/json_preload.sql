-- Fills the topic of json_window.sql: orders of 150 bytes in JSON, 10,000 for every second of event time.
SET 'pipeline.name' = 'json-preload';
SET 'table.local-time-zone' = 'UTC';
SET 'argus.datagen.seed' = '1';
SET 'argus.datagen.rows-per-minute' = '600000';
SET 'argus.datagen.number-of-rows' = '${BENCH_ROWS}';
SET 'argus.datagen.start' = '2026-01-01T00:00:00Z';
SET 'argus.datagen.speed' = '0';
SET 'argus.kafka.create-topic-partitions' = '1';

CREATE TABLE dice (
  ordered_at TIMESTAMP_LTZ(3) NOT NULL,
  order_id INT NOT NULL,
  customer INT NOT NULL,
  quantity INT NOT NULL,
  cents INT NOT NULL
) WITH (
  'connector' = 'datagen',
  'fields.order_id.min' = '100000000', 'fields.order_id.max' = '999999999',
  'fields.customer.min' = '10000', 'fields.customer.max' = '10999',
  'fields.quantity.min' = '10', 'fields.quantity.max' = '99',
  'fields.cents.min' = '1000', 'fields.cents.max' = '9999'
);

CREATE TABLE orders (
  order_id BIGINT,
  customer STRING,
  quantity BIGINT,
  price DECIMAL(8, 2),
  ordered_at TIMESTAMP(3),
  note STRING
) WITH (
  'connector' = 'kafka',
  'topic' = '${BENCH_TOPIC}',
  'properties.bootstrap.servers' = '${KAFKA_BOOTSTRAP_SERVERS}',
  'properties.compression.type' = 'lz4',
  'format' = 'json'
);

INSERT INTO orders
SELECT
  order_id,
  'customer-' || CAST(customer AS STRING),
  quantity,
  CAST(cents AS DECIMAL(8, 2)) / 100,
  CAST(ordered_at AS TIMESTAMP(3)),
  'left at the front door'
FROM dice;
