-- The same name twice in a result: the second gets a number.
CREATE TABLE orders (id INT, amount DECIMAL(10, 2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT id, id, amount AS id FROM orders WHERE id = 1;
