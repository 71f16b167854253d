-- BENCH_KEYS keys, each twice, aggregated without a window within the memory limit. The second result of one key in
-- a hundred is printed.
SET 'pipeline.name' = 'updated_keys';
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
  k AS MOD(id, ${BENCH_KEYS})
) WITH (
  'connector' = 'datagen',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '1000000000000'
);

CREATE VIEW sums AS
SELECT k, COUNT(*) AS n, SUM(id) AS total
FROM numbers
GROUP BY k;

SELECT k, n, total FROM sums WHERE n = 2 AND MOD(k, 100) = 0;
