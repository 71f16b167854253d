CREATE TABLE t (id INT NOT NULL, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
CREATE VIEW v AS SELECT ts, id, id + 1 AS following_id, CURRENT_WATERMARK(ts) AS w, CAST(ts AS TIMESTAMP(3)) AS plain FROM t;
DESCRIBE v;
SHOW COLUMNS FROM v;
