-- Rows with the time at which they were made, exactly once into Kafka.
SET 'pipeline.name' = 'visible';
SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.dir' = '${BENCH_DIR}';
SET 'execution.checkpointing.interval' = '${BENCH_INTERVAL}';
SET 'argus.datagen.rows-per-minute' = '60000';
SET 'argus.kafka.create-topic-partitions' = '1';

CREATE TABLE clock (made TIMESTAMP_LTZ(3)) WITH ('connector' = 'datagen');

CREATE TABLE visible (made BIGINT) WITH (
  'connector' = 'kafka',
  'topic' = '${BENCH_TOPIC}',
  'properties.bootstrap.servers' = '${KAFKA_BOOTSTRAP_SERVERS}',
  'format' = 'csv'
);

INSERT INTO visible SELECT TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', CAST(made AS TIMESTAMP(3))) * CAST(1000 AS BIGINT) + EXTRACT(MILLISECOND FROM made) FROM clock;
