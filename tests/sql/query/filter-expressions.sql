-- Filters over expressions of several columns.
CREATE TABLE orders (id INT, amount DECIMAL(10, 2), `at` TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id FROM orders WHERE id * 10 > amount AND EXTRACT(MINUTE FROM `at`) BETWEEN 0 AND 2;
SELECT id FROM orders WHERE COALESCE(amount, 0) = 0 OR `at` >= TIMESTAMP '2024-03-01 10:02:00';
SELECT id FROM orders WHERE `at` > '2024-03-01 10:00:00';
