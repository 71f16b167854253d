CREATE TABLE o (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT k, n, COUNT(*) FROM o GROUP BY k;
