-- Computed columns read physical and metadata columns; SELECT * has them in declared order; INSERT does not.
CREATE TABLE orders (id INT, twice AS id * 2, customer ROW<name STRING, city STRING>, shout AS UPPER(customer.name) COMMENT 'loud', `name` STRING METADATA FROM 'file.name' VIRTUAL, label AS `name` || ':' || CAST(id AS STRING))
  WITH ('connector' = 'filesystem', 'path' = '${CASE}/orders.json', 'format' = 'json');
SELECT * FROM orders;
DESCRIBE orders;
