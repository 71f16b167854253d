CREATE TABLE t (region STRING, n INT) WITH ('connector' = 'print');
CREATE TABLE s (region STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '/x');
INSERT INTO t
SELECT regoin, n FROM s;
