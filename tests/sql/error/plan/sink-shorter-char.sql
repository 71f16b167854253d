CREATE TABLE t (id INT, c VARCHAR(5)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/../input.json', 'format' = 'json');
CREATE TABLE n (c CHAR(2)) WITH ('connector' = 'blackhole');
INSERT INTO n SELECT c FROM t;
