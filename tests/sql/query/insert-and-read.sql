-- What one INSERT wrote, the next statement reads.
CREATE TABLE orders (id INT, customer ROW<name STRING, city STRING>, amount DECIMAL(10, 2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
CREATE TABLE copy (n INT, who STRING, amount DECIMAL(12, 3)) WITH ('connector' = 'filesystem', 'path' = '${OUT}/copy', 'format' = 'csv', 'csv.null-literal' = 'null');
INSERT INTO copy SELECT id, customer.name, amount FROM orders WHERE id <> 4;
SELECT * FROM copy;
INSERT INTO copy VALUES (9, 'zoe', 1.5);
SELECT * FROM copy;
