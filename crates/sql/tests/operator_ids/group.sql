-- Groups without a window: by key, of all rows, distinct ones.
CREATE TABLE orders (k STRING, n INT, price DECIMAL(10, 2)) WITH ('connector' = 'kafka', 'topic' = 'orders', 'format' = 'json');
CREATE TABLE totals (k STRING, n BIGINT, price DECIMAL(38, 2), PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'jdbc', 'url' = 'jdbc:x', 'table-name' = 'totals');
CREATE TABLE counts (n BIGINT, greatest INT) WITH ('connector' = 'print');
CREATE TABLE names (k STRING) WITH ('connector' = 'print');
INSERT INTO totals SELECT k, COUNT(DISTINCT n), SUM(price) FROM orders WHERE n > 0 GROUP BY k;
INSERT INTO counts SELECT COUNT(*), MAX(n) FILTER (WHERE k IS NOT NULL) FROM orders;
INSERT INTO names SELECT DISTINCT LOWER(k) FROM orders;
