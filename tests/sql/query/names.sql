-- Unnamed expressions are EXPR$0, EXPR$1 … by their place in the list; a column keeps its name, a nested field its last one.
CREATE TABLE orders (id INT, customer ROW<name STRING, city STRING>, amount DECIMAL(10, 2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id, id + 1, customer.name, UPPER(customer.name), amount AS a, CAST(id AS STRING), orders.id FROM orders WHERE id = 1;
SELECT o.customer.city, o.* FROM orders AS o WHERE o.id = 1;
