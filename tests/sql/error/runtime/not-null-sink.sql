CREATE TABLE t (a INT, b INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/nulls.json', 'format' = 'json');
CREATE TABLE n (a INT, b INT NOT NULL) WITH ('connector' = 'blackhole');
INSERT INTO n SELECT a, b FROM t;
