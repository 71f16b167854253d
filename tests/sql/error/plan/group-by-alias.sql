CREATE TABLE o (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT UPPER(k) AS u, COUNT(*) FROM o GROUP BY u;
