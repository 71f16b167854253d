-- The hint names what stands in FROM: the alias, where there is one.
CREATE TABLE o (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
SELECT /*+ STATE_TTL('o' = '1 d') */ k, COUNT(*) FROM o AS p GROUP BY k;
