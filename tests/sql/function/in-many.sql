-- A list long enough that the planner makes a set of it.
CREATE TABLE t (id INT, s STRING, t STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/texts.json', 'format' = 'json');
SELECT id FROM t WHERE n IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25);
SELECT id FROM t WHERE n NOT IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
