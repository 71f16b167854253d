-- Rows as fast as they can be made into a table that cannot take them so fast.
SET 'pipeline.name' = 'slow-sink';
SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.dir' = '${BENCH_DIR}';
SET 'execution.checkpointing.interval' = '1 s';
SET 'argus.datagen.seed' = '1';
SET 'argus.datagen.rows-per-minute' = '6000000000';
SET 'argus.datagen.start' = '2026-01-01T00:00:00Z';
SET 'argus.datagen.speed' = '0';

CREATE TABLE numbers (id BIGINT, amount INT) WITH (
  'connector' = 'datagen',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '1000000000000'
);

CREATE TABLE slow (id BIGINT, amount INT, PRIMARY KEY (id) NOT ENFORCED) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://127.0.0.1:${PG_PORT}/streampulse',
  'username' = 'postgres',
  'password' = 'postgres',
  'table-name' = 'slow'
);

INSERT INTO slow SELECT id, amount FROM numbers;
