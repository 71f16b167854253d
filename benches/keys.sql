-- BENCH_KEYS keys, each twice, aggregated within the memory limit, and the groups added up.
SET 'pipeline.name' = 'keys';
SET 'table.local-time-zone' = 'UTC';
SET 'argus.state.memory-limit' = '${BENCH_MEMORY}';
SET 'argus.datagen.seed' = '1';
SET 'argus.datagen.rows-per-minute' = '6000000000';
SET 'argus.datagen.number-of-rows' = '${BENCH_ROWS}';
SET 'argus.datagen.start' = '2026-01-01T00:00:00Z';
SET 'argus.datagen.speed' = '0';

CREATE TABLE numbers (
  happened TIMESTAMP_LTZ(3),
  id BIGINT,
  k AS MOD(id, ${BENCH_KEYS}),
  WATERMARK FOR happened AS happened
) WITH (
  'connector' = 'datagen',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '1000000000000'
);

CREATE VIEW sums AS
SELECT window_time AS closed, k, COUNT(*) AS n, SUM(id) AS total
FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(happened), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, window_time, k;

SELECT COUNT(*) AS n_keys, SUM(n) AS n_rows, SUM(total) AS total
FROM TABLE(TUMBLE(TABLE sums, DESCRIPTOR(closed), INTERVAL '1' HOUR))
GROUP BY window_start, window_end;
