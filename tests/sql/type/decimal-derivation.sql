-- Precision and scale of + - * / % over DECIMALs, also beyond 38.
CREATE TABLE t (a DECIMAL(10, 2), b DECIMAL(5, 4), c DECIMAL(38, 10), d DECIMAL(38, 0), e DECIMAL(20, 20), i INT, y TINYINT, l BIGINT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/decimal.json', 'format' = 'json');
CREATE VIEW typed AS SELECT a + b AS p1, a - b AS p2, a * b AS p3, a / b AS p4, a % b AS p5, c + d AS q1, c * d AS q2, c / d AS q3, c - c AS q4, c * c AS q5, c / c AS q6, d / e AS q7, e * e AS r1, e + e AS r2, e / a AS r3, a + i AS s1, a * y AS s2, l / a AS s3, a / l AS s4, a % i AS s5, -a AS s6, a + 1 AS u1, a * 2.5 AS u2, a / 3 AS u3, b + 1.25 AS u4 FROM t;
DESCRIBE typed;
