CREATE TABLE orders (id INT) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id FROM orders WHERE 1 = 1;
SELECT id FROM orders WHERE FALSE;
SELECT id FROM orders WHERE CAST(NULL AS BOOLEAN);
SELECT id FROM orders WHERE id = 1 AND id = 2;
