CREATE TABLE orders (id INT, customer ROW<name STRING, city STRING>, amount DECIMAL(10, 2), tags ARRAY<STRING>, `at` TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT * FROM orders;
SELECT *, id * 2 AS twice FROM orders;
SELECT o.*, 1 AS uno FROM orders o WHERE amount IS NOT NULL;
