-- A small file: what is measured is how long the whole process takes.
CREATE TABLE orders (
  id INT,
  city STRING,
  amount DECIMAL(8, 2),
  `at` TIMESTAMP(3),
  WATERMARK FOR `at` AS `at` - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${BENCH_FILE}', 'format' = 'json');

SELECT window_start, city, COUNT(*) AS orders, SUM(amount) AS total
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(`at`), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, city;
