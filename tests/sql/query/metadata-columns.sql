CREATE TABLE orders (id INT, `file.name` STRING NOT NULL METADATA VIRTUAL, size BIGINT METADATA FROM 'file.size' VIRTUAL, small AS size < 10000) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id, `file.name`, small FROM orders;
