CREATE TABLE t (x BOOLEAN, y BOOLEAN) WITH ('connector' = 'filesystem', 'path' = '${CASE}/three-valued.json', 'format' = 'json');
SELECT x, y, x AND y AS a, x OR y AS o, x = y AS e, x <> y AS ne, x IS DISTINCT FROM y AS d, x IS NOT DISTINCT FROM y AS nd, x > y AS g FROM t;
SELECT x, y FROM t WHERE x AND NOT y;
SELECT x, y FROM t WHERE x OR y;
SELECT x, y FROM t WHERE NOT (x AND y);
