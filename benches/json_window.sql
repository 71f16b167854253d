-- Kafka JSON → a one-minute window by key → Kafka: three of six columns are used. Runs on Argus and on Flink.
SET 'pipeline.name' = 'json-window';
SET 'table.local-time-zone' = 'UTC';
SET 'parallelism.default' = '1';
SET 'argus.kafka.create-topic-partitions' = '1';
SET 'table.exec.mini-batch.enabled' = 'true';
SET 'table.exec.mini-batch.allow-latency' = '1 s';
SET 'table.exec.mini-batch.size' = '10000';

CREATE TABLE orders (
  order_id BIGINT,
  customer STRING,
  quantity BIGINT,
  price DOUBLE,
  ordered_at TIMESTAMP(3),
  note STRING,
  WATERMARK FOR ordered_at AS ordered_at - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '${BENCH_TOPIC}',
  'properties.bootstrap.servers' = '${KAFKA_BOOTSTRAP_SERVERS}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

CREATE TABLE minutes (
  window_start TIMESTAMP(3),
  customer STRING,
  orders BIGINT,
  total DOUBLE
) WITH (
  'connector' = 'kafka',
  'topic' = '${BENCH_TOPIC}-minutes',
  'properties.bootstrap.servers' = '${KAFKA_BOOTSTRAP_SERVERS}',
  'format' = 'json'
);

INSERT INTO minutes
SELECT window_start, customer, COUNT(*), SUM(price)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ordered_at), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, customer;
