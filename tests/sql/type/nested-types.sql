CREATE TABLE t (arr ARRAY<INT NOT NULL> NOT NULL, mp MAP<STRING, BIGINT>, r ROW<x INT NOT NULL, y ROW<z STRING, `Quoted Name` DOUBLE>>, rn ROW<a INT NOT NULL> NOT NULL, ms MULTISET<STRING>, r2 ROW(a INT, b STRING)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/all.json', 'format' = 'json');
DESCRIBE t;
CREATE VIEW typed AS SELECT arr[1] AS a, mp['x'] AS b, r.x AS c, r.y.z AS d, rn.a AS e, r.y AS f, CARDINALITY(arr) AS g, ROW(1, 'a') AS h, ARRAY[1, NULL] AS i, MAP['a', 1, 'b', 2] AS j, r2.b AS k, ARRAY[1, 2.5] AS l, ARRAY[ROW(1, 'x')] AS m FROM t;
DESCRIBE typed;
