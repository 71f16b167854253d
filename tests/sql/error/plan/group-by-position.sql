CREATE TABLE o (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT k, COUNT(*) FROM o GROUP BY 1;
