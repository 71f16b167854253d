-- What the source brings is longer than its type says; an implicit cast to a shorter type would have cut it.
SET 'table.exec.sink.type-length-enforcer' = 'ERROR';
CREATE TABLE t (s VARCHAR(2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
CREATE TABLE o (s VARCHAR(2)) WITH ('connector' = 'filesystem', 'path' = '${OUT}/o', 'format' = 'json');
INSERT INTO o SELECT s FROM t WHERE s IS NOT NULL;
