CREATE TABLE t (id INT, i INT, b BIGINT, d DOUBLE, m DECIMAL(10, 3), s SMALLINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/numbers.json', 'format' = 'json');
SELECT id, POWER(i, 2) AS a, POWER(d, 0.5) AS b, SQRT(i) AS c, LN(ABS(d) + 1) AS e, LOG10(i) AS f, LOG2(b) AS g, LOG(2, b) AS h, LOG(b) AS j, EXP(d) AS k, POWER(2, -1) AS l FROM t WHERE id <> 6;
