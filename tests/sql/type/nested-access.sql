-- Fields of nested rows, elements of arrays and maps, out of range, missing keys, nulls on the way.
CREATE TABLE t (arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, y ROW<z STRING>>, ar ARRAY<ROW<x INT>>, aa ARRAY<ARRAY<INT>>, mr MAP<STRING, ROW<x INT>>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/nested-access.json', 'format' = 'json');
SELECT r.x AS a, t.r.y.z AS b, r.y AS c, arr[1] AS d, arr[3] AS e, arr[9] AS f, mp['a'] AS g, mp['zz'] AS h, ar[2].x AS i, aa[1][2] AS j, mr['k'].x AS k, CARDINALITY(arr) AS l, CARDINALITY(mp) AS m, r IS NULL AS n, r.y.z IS NULL AS o FROM t;
SELECT r.y.z, r.x FROM t WHERE r.x > 0 AND arr[1] = 1;
SELECT r.* FROM t;
