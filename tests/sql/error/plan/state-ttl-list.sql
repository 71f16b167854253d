CREATE TABLE o (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT /*+ STATE_TTL('o') */ k, COUNT(*) FROM o GROUP BY k;
