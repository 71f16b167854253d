SET 'parallelism.default' = '2';
SELECT COUNT(*), MIN(price) FILTER (WHERE k = 'a') FROM bids WHERE price > 0;
