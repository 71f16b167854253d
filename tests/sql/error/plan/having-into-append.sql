CREATE TABLE o (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
CREATE TABLE a (k STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}/a', 'format' = 'json');
INSERT INTO a SELECT k, COUNT(*) FROM o GROUP BY k HAVING COUNT(*) = 1;
