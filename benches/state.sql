-- One row a key in a window that does not end within the run: what state and its checkpoints cost.
-- BENCH_KEY computes the key of row `id`; an interval of 0 takes no checkpoints.
SET 'pipeline.name' = 'state';
SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.dir' = '${BENCH_DIR}';
SET 'execution.checkpointing.interval' = '${BENCH_INTERVAL}';
SET 'argus.datagen.seed' = '1';
SET 'argus.datagen.rows-per-minute' = '6000000000';
SET 'argus.datagen.start' = '2026-01-01T00:00:00Z';
SET 'argus.datagen.speed' = '0';

CREATE TABLE numbers (
  happened TIMESTAMP_LTZ(3),
  id BIGINT,
  k AS ${BENCH_KEY},
  WATERMARK FOR happened AS happened
) WITH (
  'connector' = 'datagen',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '1000000000000'
);

CREATE TABLE nowhere (k BIGINT, n BIGINT, total BIGINT) WITH ('connector' = 'blackhole');

INSERT INTO nowhere
SELECT k, COUNT(*), SUM(id)
FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(happened), INTERVAL '1' DAY))
GROUP BY window_start, window_end, k;
