CREATE TABLE orders (id INT, customer ROW<name STRING, city STRING>, amount DECIMAL(10, 2)) WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT n, twice FROM (SELECT customer.name AS n, amount * 2 AS twice FROM orders WHERE amount IS NOT NULL) AS s WHERE twice > 1;
SELECT * FROM (SELECT * FROM (SELECT id AS a FROM orders) WHERE a > 1) WHERE a < 4;
SELECT x.a + 1 AS b FROM (SELECT id AS a FROM orders) AS x (a);
SELECT q, r FROM (SELECT id, amount FROM orders) AS t (q, r);
