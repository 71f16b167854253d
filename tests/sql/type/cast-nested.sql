CREATE TABLE t (arr ARRAY<INT>, mp MAP<STRING, INT>, r ROW<x INT, y ROW<z STRING>>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/all.json', 'format' = 'json');
SELECT CAST(arr AS ARRAY<STRING>) AS a, CAST(mp AS MAP<STRING, DOUBLE>) AS b, CAST(r AS ROW<p BIGINT, q ROW<w VARCHAR(2)>>) AS c, CAST(ROW(1, 'x') AS ROW<a STRING, b STRING>) AS d, CAST(ARRAY['1', '2'] AS ARRAY<INT>) AS e FROM t;
