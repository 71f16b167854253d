CREATE TABLE orders (id INT, amount DECIMAL(10, 2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id AS n, 'order' AS kind FROM orders UNION ALL SELECT 100, 'constant' UNION ALL SELECT CAST(amount AS INT), 'amount' FROM orders WHERE amount > 1;
(SELECT 1 AS x) UNION ALL (SELECT 1 UNION ALL SELECT 2);
