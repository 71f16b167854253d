-- Values at the edge: rounding in products and quotients, overflow to NULL.
CREATE TABLE t (n INT, a DECIMAL(10, 2), b DECIMAL(5, 4), c DECIMAL(38, 10), d DECIMAL(38, 0), e DECIMAL(20, 20)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/decimal.json', 'format' = 'json');
SELECT n, a + b AS p1, a - b AS p2, a * b AS p3, a / NULLIF(b, 0) AS p4, a % NULLIF(b, 0) AS p5, c + d AS q1, c * d AS q2, c / NULLIF(d, 0) AS q3, e * e AS r1, c - d AS r2 FROM t;
SELECT n, a = b AS x, a < c AS y, d > e AS z, a = CAST(a AS DOUBLE) AS w, CAST(a AS DECIMAL(4, 1)) AS v FROM t;
