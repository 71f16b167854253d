-- Implicit casts when rows are written: widening of numbers, lengths of strings, timestamps to another precision.
CREATE TABLE source (ti TINYINT, i INT, bi BIGINT, f FLOAT, c CHAR(3), v VARCHAR(5), ts TIMESTAMP(3), l TIMESTAMP_LTZ(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/implicit-insert.json', 'format' = 'json');
CREATE TABLE target (a INT, b BIGINT, c DECIMAL(20, 2), d DOUBLE, e VARCHAR(10), f VARCHAR(2), g TIMESTAMP(6), h TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${OUT}/t', 'format' = 'json');
INSERT INTO target SELECT ti, i, bi, f, c, v, ts, l FROM source;
SELECT * FROM target;
