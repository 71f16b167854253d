CREATE TABLE orders (id INT, customer ROW<name STRING, city STRING>, amount DECIMAL(10, 2), tags ARRAY<STRING>) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id FROM orders WHERE customer.city = 'Berlin' OR customer.name LIKE 'c%';
SELECT id FROM orders WHERE customer.city IS NULL;
SELECT id FROM orders WHERE customer IS NOT NULL AND NOT customer.city = 'Paris';
SELECT id FROM orders WHERE tags[1] = 'z' OR CARDINALITY(tags) = 0;
SELECT id FROM orders WHERE amount > 10 AND amount < 15.5;
